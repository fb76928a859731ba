// One run of the bench for the terminal: experiments, their progress, and the result printed. The images come from outside.

import type { BenchContext, BenchExperiment, BenchRow } from '../lab/bench/experiment.ts';
import { renderBenchReport, type BenchReport } from '../lab/bench/report.ts';
import { wasInterrupted } from '../lab/interruption.ts';
import { Cancelled, throwIfCancelled } from '../lab/wait.ts';
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
    ...{ interrupted: false, extent: [], experiments: [] },
  };
  const failed: string[] = [];
  let done = 0;
  const one = async ({ name, floor, run }: BenchExperiment): Promise<void> => {
    const rows: BenchRow[] = [];
    const progress = (text: string): void => line.show(`${name}: ${text}`);
    try {
      for await (const row of run({ ...context, signal: io.signal, progress })) rows.push(row);
    } catch (error) {
      if (error instanceof Cancelled) {
        if (rows.length > 0) report.experiments.push({ name, floor, rows });
        throw error;
      }
      failed.push(name);
      line.keep(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    report.experiments.push({ name, floor, rows });
    done++;
  };
  try {
    report.interrupted = await wasInterrupted(async () => {
      for (const experiment of experiments) {
        throwIfCancelled(io.signal);
        await one(experiment);
      }
    });
  } finally {
    line.clear();
  }
  report.extent = [{ what: 'experiments', done, of: experiments.length }];
  io.out(json ? `${JSON.stringify(report, null, 2)}\n` : renderBenchReport(report));
  if (failed.length > 0) throw new Failure(`could not be measured: ${failed.join(' ')}`);
}
