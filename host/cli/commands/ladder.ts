// `isolab ladder`: one call over every transport, in Node or in a Chromium.

import type { Command } from 'commander';
import { Failure, type Io } from '../io.ts';
import { runtimeOption, type Runtime } from '../runtime.ts';

const HELP = `
Calls the ramdisk over every transport: a direct call, a sandbox's gate, a ring of messages in shared memory with both
ends spinning, spinning a while and then waiting, or waiting at once, a MessagePort, and Comlink. Every rung carries real
requests of the kernel; its floor, the cheapest thing of its kind, runs in the same threads in alternating batches.

--runtime chromium runs the page's ladder in a Chromium without a window: ISOLAB_CHROMIUM, one on PATH, or Playwright's.

The exit code is 0, or 1 when something could not be measured, 2 for a wrong command line, 130 after Ctrl-C, which prints
what was measured by then.
`;

interface Options {
  json?: true;
  quick?: true;
  runtime: Runtime;
}

const QUICK = { boots: 1, samples: 7, batchMs: 1.5 };

export function addLadder(program: Command, io: Io): void {
  program
    .command('ladder')
    .summary('what one call costs over each transport, each beside its floor')
    .description('Measures the same call of the same driver over every transport.')
    .option('--json', 'print the report as JSON, schema isolab.ladder/1')
    .option('--quick', 'measure less: one boot a rung')
    .addOption(runtimeOption())
    .addHelpText('after', HELP)
    .action(async ({ json, quick, runtime }: Options) => {
      const { renderLadder } = await import('../../lab/ladder/ladder-table.ts');
      const { runLadder, runLadderInChromium } = await import('../ladder.ts');
      const effort = quick ? QUICK : {};
      const report = await (runtime === 'node' ? runLadder(effort, io) : runLadderInChromium(effort, io));
      io.out(json ? `${JSON.stringify(report, null, 2)}\n` : renderLadder(report));
      const missing = report.rungs.filter((rung) => rung.available && !rung.ns);
      if (missing.length > 0) throw new Failure(`${missing.length} of the rungs could not be measured`);
    });
}
