// `isolab recovery`: how long a fault keeps a device from answering.

import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Placement } from '../../machine/shared/types.ts';
import { CAUSES, RECOVERING, type RecoveryCause } from '../../lab/recovery/recovery.ts';
import type { Io } from '../io.ts';
import { runtimeOption, type Runtime } from '../runtime.ts';

const HELP = `
From the fault to the first good answer of a client in a thread of its own that opens and reads the device again and
again, with what cannot be undercut beside it:

  trap         an engine trap in a call               beyond bare instantiation of image and driver
  hang         a call that never returns              beyond its deadline (500 ms)
  worker gone  the thread is ended by somebody else   beyond its detection

On the monolith the machine boots anew with all drivers. Each fault is a single one: threads stand ready again before the
next, and a successor of the driver that died last, or of each in its pool. Without one (--no-standby) a driver's first
death is measured again and again. The exit code is 1 when a fault was not recovered from; Ctrl-C ends it with what the faults
until then have given.

--runtime chromium runs the page's measurement in a Chromium without a window: ISOLAB_CHROMIUM, one on PATH, or
Playwright's.

$ isolab recovery --count 20
$ isolab recovery --placement microkernel --cause trap --json
`;

interface Options {
  count: number;
  placement?: Placement[];
  cause?: RecoveryCause[];
  standby: boolean;
  json?: true;
  runtime: Runtime;
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 100_000)
    throw new InvalidArgumentError('a whole number from 1 to 100000 is wanted.');
  return value;
}

export function addRecovery(program: Command, io: Io): void {
  program
    .command('recovery')
    .summary('how long a fault keeps a device from answering')
    .description('Measures recovery: a trap, a hang and a lost worker, many times over.')
    .option('--count <n>', 'faults of each kind', positive, 200)
    .addOption(new Option('--placement <name...>', 'these alone').choices(RECOVERING))
    .addOption(new Option('--cause <name...>', 'these alone').choices(CAUSES))
    .option('--no-standby', 'no driver has a successor ready')
    .addOption(runtimeOption())
    .option('--json', 'print the result as JSON, schema isolab.recovery/1')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { runRecovery } = await import('../recovery-run.ts');
      await runRecovery(
        {
          placements: options.placement ?? RECOVERING,
          causes: options.cause ?? CAUSES,
          ...{ count: options.count, standby: options.standby, json: options.json ?? false },
          runtime: options.runtime,
        },
        io,
        process.stderr,
      );
    });
}
