// `isolab soak`: random faults in drivers under load, for as long as anybody likes.

import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Placement } from '../../machine/shared/types.ts';
import { ISOLATING } from '../../lab/isolating.ts';
import { Exit, type Io } from '../io.ts';

const HELP = `
Clients open, read, write and close devices; one knows every write to a disk that was acknowledged and reads it back.
Meanwhile drivers crash, hang and lie, are killed, or lose their thread, by a seed. At the end everything must be as it was:

  no call that never returned, no wrong answer, no driver killed in which nothing had been provoked, no growth of memory,
  threads or handles, the kernel's checks clean, every driver serving

The exit code is 1 when anything was not so. Ctrl-C ends it with the summary so far. The same seed makes the same faults
and the same calls; in which order they meet is up to the threads.

$ isolab soak --seconds 3600
$ isolab soak --seconds 60 --seed 4711 --placement microkernel
`;

interface Options {
  seconds: number;
  seed?: number;
  placement?: Placement[];
  json?: true;
}

function natural(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is wanted.`);
    return value;
  };
}

export function addSoak(program: Command, io: Io): void {
  program
    .command('soak')
    .summary('random faults in drivers under load')
    .description(
      'Provokes faults at random in drivers under load, and looks for anything that anybody lost by it.',
    )
    .option('--seconds <n>', 'how long, on each placement', natural(1, 1_000_000), 60)
    .option('--seed <s>', 'of faults and calls; default: another each time', natural(0, 0xffffffff))
    .addOption(new Option('--placement <name...>', 'these alone').choices(ISOLATING))
    .option('--json', 'print the summary as JSON, schema isolab.soak/1')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { runSoak } = await import('../soak-run.ts');
      const status = await runSoak(
        {
          placements: options.placement ?? ISOLATING,
          seconds: options.seconds,
          seed: options.seed ?? Math.floor(Math.random() * 0x100000000),
          json: options.json ?? false,
        },
        io,
        process.stderr,
      );
      if (status !== 0) throw new Exit(status);
    });
}
