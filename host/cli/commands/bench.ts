// `isolab bench`: measurements of single parts, each against a floor in the same run.

import type { Command } from 'commander';
import type { Io } from '../io.ts';

const HELP = `
Runs the named experiments, or all. Subject and floor take turns in batches on the same threads; a row is the medians of
both and their ratio with its 95% interval. A busy computer widens the interval.

The exit code is 0, or 1 when something could not be measured, 2 for a wrong command line, 130 after Ctrl-C, which prints
what was measured by then.
`;

interface Options {
  json?: true;
  list?: true;
  quick?: true;
}

const FULL = { samples: 31, batchMs: 3 };
const QUICK = { samples: 7, batchMs: 1 };

export function addBench(program: Command, io: Io): void {
  program
    .command('bench')
    .summary('what single parts of the kernel cost, each beside its floor')
    .description('Measures single parts of the kernel, each beside the cheapest thing of its kind.')
    .argument('[experiment...]', 'experiments to run; default: all')
    .option('--json', 'print the result as JSON, schema isolab.bench/1')
    .option('--list', 'say which experiments there are, and run none')
    .option('--quick', 'measure less: the intervals are wider')
    .addHelpText('after', HELP)
    .action(async (names: string[], options: Options, command: Command) => {
      const { EXPERIMENTS } = await import('../../lab/bench/index.ts');
      const unknown = names.find((name) => !EXPERIMENTS.some((each) => each.name === name));
      if (unknown !== undefined) {
        const known = EXPERIMENTS.map(({ name }) => name).join(' ');
        command.error(`error: there is no experiment ${unknown}; there are: ${known}`, { exitCode: 2 });
      }
      const experiments = EXPERIMENTS.filter(({ name }) => names.length === 0 || names.includes(name));
      if (options.list) {
        for (const { name, summary } of experiments) io.out(`${name.padEnd(12)}${summary}\n`);
        return;
      }
      const { nodeLab, readImage } = await import('../machines.ts');
      const { runBench } = await import('../bench.ts');
      const lab = await nodeLab();
      const { images, environment } = lab;
      try {
        await runBench(
          experiments,
          {
            ...{ images, environment, ...(options.quick ? QUICK : FULL) },
            boot: (placement) => lab.boot(placement),
            module: (name) => lab.modules.load(name),
            file: async (name) => readImage(name),
            processorMs: () => {
              const { user, system } = process.cpuUsage();
              return (user + system) / 1000;
            },
          },
          options.json ?? false,
          io,
          process.stderr,
        );
      } finally {
        await lab.close();
      }
    });
}
