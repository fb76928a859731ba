// What a policy's command is in the shell: a line that is run on the machine before a driver that has died is started again, with
// three more words: the driver, the cause of its death, and the number of the incarnation that died. Status 0 restarts it, any
// other gives it up.

import type { Machine, Recover } from '../../machine/shared/types.ts';
import type { KnownModules } from '../../shell/modules.ts';
import { Shell } from '../../shell/shell.ts';
import type { Signal } from '../../shell/signal.ts';
import { EMPTY } from '../../shell/streams.ts';
import { ProcessOutput } from './shell-run.ts';

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** @param machine the one that asks; it has booted when it does */
export function recoveryOf(
  machine: () => Machine,
  modules: KnownModules,
  { stdout, stderr }: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream },
  signal: Signal,
): Recover {
  return async ({ driver, cause, incarnation, command }) => {
    const shell = new Shell({ machine: machine(), modules });
    try {
      const line = [command, ...[driver, cause, String(incarnation)].map(quoted)].join(' ');
      const streams = { in: EMPTY, out: new ProcessOutput(stdout), err: new ProcessOutput(stderr) };
      return (await shell.run(line, streams, signal)) === 0 ? 'restart' : 'give up';
    } finally {
      shell.close();
    }
  };
}
