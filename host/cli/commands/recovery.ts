// `isolab recovery`: how long a fault keeps a device from answering.

import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Placement } from '../../machine/types.ts';
import { CAUSES, type RecoveryCause } from '../../lab/recovery.ts';
import { ISOLATING } from '../../lab/isolating.ts';
import type { Io } from '../io.ts';
import type { Runtime } from '../recovery-run.ts';

const HELP = `
From the fault to the first good answer of a client in a thread of its own that opens and reads the device again and
again, with what cannot be undercut beside it:

  trap         an engine trap in a call               beyond bare instantiation of image and driver
  hang         a call that never returns              beyond its deadline (500 ms)
  worker gone  the thread is ended by somebody else   beyond its detection

On the monolith the machine boots anew with all drivers. Each fault is a single one: threads stand ready again before the
next. --runtime chromium runs the page's measurement in a Chromium without a window. The exit code is 1 when a fault was not recovered from.

$ isolab recovery --count 20
$ isolab recovery --placement microkernel --cause trap --json
`;

interface Options {
  count: number;
  placement?: Placement[];
  cause?: RecoveryCause[];
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
  const placements: Placement[] = [...ISOLATING, 'monolithic'];
  program
    .command('recovery')
    .summary('how long a fault keeps a device from answering')
    .description('Measures recovery: a trap, a hang and a lost worker, many times over.')
    .option('--count <n>', 'faults of each kind', positive, 200)
    .addOption(new Option('--placement <name...>', 'these alone').choices(placements))
    .addOption(new Option('--cause <name...>', 'these alone').choices(CAUSES))
    .addOption(
      new Option('--runtime <name>', 'where to measure').choices(['node', 'chromium']).default('node'),
    )
    .option('--json', 'print the result as JSON, schema isolab.recovery/1')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { runRecovery } = await import('../recovery-run.ts');
      await runRecovery(
        {
          placements: options.placement ?? placements,
          causes: options.cause ?? CAUSES,
          ...{ count: options.count, json: options.json ?? false, runtime: options.runtime },
        },
        io,
        process.stderr,
      );
    });
}
