// `isolab top` and `isolab ps`: a machine at work.

import { InvalidArgumentError, Option, type Command } from 'commander';
import { PLACEMENTS } from '../../machine/shared/place.ts';
import type { Placement } from '../../machine/shared/types.ts';
import { checkOutput } from '../files/user-files.ts';
import type { Io } from '../io.ts';

const HELP = `
Machines live inside a process: this boots one, loads the project's drivers and has a load run on it. Of the rows,
CALLS, ERRORS and CALLS/S are those of the last interval, P50 and P99 how long the calls took, as the kernel saw it.
Only calls that cross domains are counted; in a monolithic kernel there are none.

  mixed   programs that read zero, ramdisk and stacked, and one that writes to ramdisk
  busy    one program that reads zero without a pause
  faults  mixed, and twice a second a fault of lkdtm
  idle    nothing

--trace writes the latest calls as Chrome's trace events, which ui.perfetto.dev opens.
`;
const TOP_HELP = `
On a terminal the table is drawn over the one before, elsewhere below it. Ctrl-C ends it, with exit code 130.

$ isolab top --workload faults
$ isolab top -n 10 -d 0.5 --json
$ isolab top -n 3 --trace calls.json
`;

interface Options {
  placement: Placement;
  workload: 'mixed' | 'busy' | 'faults' | 'idle';
  iterations?: number;
  delay: number;
  json?: true;
  trace?: string;
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 on is wanted.');
  return Number(text);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value < 0.01 || value > 86400)
    throw new InvalidArgumentError('seconds from 0.01 to 86400 are wanted.');
  return value;
}

function add(program: Command, io: Io, name: 'top' | 'ps', summary: string, description: string): Command {
  return program
    .command(name)
    .summary(summary)
    .description(description)
    .addOption(new Option('--placement <name>', 'which machine').choices(PLACEMENTS).default('microkernel'))
    .addOption(
      new Option('--workload <name>', 'what the programs do')
        .choices(['mixed', 'busy', 'faults', 'idle'])
        .default('mixed'),
    )
    .option('-d, --delay <seconds>', 'how long each table is looked for', seconds, 1)
    .option('--json', 'a line of JSON for each table, schema isolab.top/1')
    .option('--trace <file>', 'write the trace into a file when it ends')
    .action(async (options: Options) => {
      const { nodeLab } = await import('../machines.ts');
      const { runTop } = await import('../top-run.ts');
      if (options.trace !== undefined) checkOutput('the trace', options.trace);
      const { placement, workload, delay, iterations, json, trace } = options;
      await runTop(
        await nodeLab(),
        {
          ...{ placement, workload, seconds: delay, json: json ?? false, trace: trace ?? null },
          frames: name === 'ps' ? 1 : (iterations ?? Infinity),
          plain: name === 'ps',
        },
        io,
        process.stdout,
      );
    });
}

export function addTop(program: Command, io: Io): void {
  add(program, io, 'top', 'who is called how often, and how fast', 'Shows a machine at work, live.')
    .option('-n, --iterations <count>', 'how many tables; default: until Ctrl-C', whole)
    .addHelpText('after', HELP + TOP_HELP);
}

export function addPs(program: Command, io: Io): void {
  add(program, io, 'ps', 'the same once', 'Shows a machine at work, once.').addHelpText('after', HELP);
}
