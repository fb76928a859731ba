// `isolab fuzz`: thousands of damaged modules, offered to both machines.

import { InvalidArgumentError, Option, type Command } from 'commander';
import { MUTATIONS, type Mutation } from '../../fault/mutate.ts';
import { Exit, type Io } from '../io.ts';

const HELP = `
Each mutant is a module of the project, or the one of --driver, damaged as its seed says. It is read, loaded, used and
unloaded on a machine of each placement, and everything that can be seen of the machine is compared with before.

  refused   a damaged container: by the reader, the engine or a step of the load; nothing has changed
  harmless  it did the same work as the whole module, and nothing has changed
  altered   its code ran and did something else: contained where it is isolated, told where it is not

The exit code is 1 when a refused file changed something, when an isolated driver was not contained, or when an
exception escaped. --replay tries one seed again and tells all of it.

$ isolab fuzz --count 10000 --seed 1
$ isolab fuzz --replay 4711 --placement microkernel
`;

interface Options {
  count: number;
  seed: number;
  placement?: 'monolithic' | 'microkernel';
  mutation?: Mutation;
  driver?: string;
  replay?: number;
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

export function addFuzz(program: Command, io: Io): void {
  const seed = natural(0, 0xffffffff);
  program
    .command('fuzz')
    .summary('damaged modules: refused, harmless, or contained?')
    .description('Damages modules, thousands of times, and sees what each does to either machine.')
    .option('--count <n>', 'how many', natural(1, 10_000_000), 1000)
    .option('--seed <s>', 'of the first; the next has the next', seed, 1)
    .addOption(new Option('--placement <name>', 'one machine alone').choices(['monolithic', 'microkernel']))
    .addOption(new Option('--mutation <kind>', 'one kind of damage alone').choices(MUTATIONS))
    .option('--driver <file>', "damage anybody's module, NAME.ko.wasm; default: the project's")
    .addOption(new Option('--replay <seed>', 'one mutant again').argParser(seed).conflicts(['count', 'seed']))
    .option('--json', 'print the counts as JSON, schema isolab.fuzz/1')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { runFuzz } = await import('../fuzz-run.ts');
      const status = await runFuzz(
        {
          count: options.replay === undefined ? options.count : 1,
          seed: options.replay ?? options.seed,
          placements: options.placement ? [options.placement] : ['monolithic', 'microkernel'],
          mutation: options.mutation,
          driver: options.driver ?? null,
          detailed: options.replay !== undefined,
          json: options.json ?? false,
        },
        io,
        process.stderr,
      );
      if (status !== 0) throw new Exit(status);
    });
}
