// One run of the bench for the terminal: experiments, their progress, and the result printed. The images come from outside.

import type { BenchContext, BenchExperiment } from '../lab/bench/experiment.ts';
import { renderBench, type BenchReport } from '../lab/bench/report.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine, type Screen } from './live-line.ts';

/** Prints the result to standard output. Throws a Failure, after printing, when an experiment could not be run. */
export async function runBench(
  experiments: readonly BenchExperiment[],
  options: Omit<BenchContext, 'signal' | 'progress'> & Pick<BenchReport, 'environment'>,
  json: boolean,
  io: Io,
  screen: Screen,
): Promise<void> {
  const { environment, ...context } = options;
  const line = new LiveLine(io, screen);
  const report: BenchReport = {
    ...{ schema: 'isolab.bench/1', environment, samples: context.samples, batchMs: context.batchMs },
    experiments: [],
  };
  const failed: string[] = [];
  try {
    for (const experiment of experiments) {
      const progress = (text: string): void => line.show(`${experiment.name}: ${text}`);
      try {
        const rows = await experiment.run({ ...context, signal: io.signal, progress });
        report.experiments.push({ name: experiment.name, floor: experiment.floor, rows });
      } catch (error) {
        io.signal.throwIfAborted();
        failed.push(experiment.name);
        line.keep(`${experiment.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    line.clear();
  }
  if (json) io.out(`${JSON.stringify(report, null, 2)}\n`);
  else for (const result of report.experiments) io.out(`${renderBench(result)}\n`);
  if (failed.length > 0) throw new Failure(`could not be measured: ${failed.join(' ')}`);
}
