// The result of a bench: as JSON (schema isolab.bench/1), and as a table.

import { completionLines, type Completion } from '../interruption.ts';
import type { Environment } from '../compare/report.ts';
import type { BenchRow } from './experiment.ts';

export interface BenchReport extends Completion {
  schema: 'isolab.bench/1';
  environment: Omit<Environment, 'clockStepNs'>;
  /** Pairs of batches of each row, and the least time of a batch in ms. */
  samples: number;
  batchMs: number;
  experiments: BenchResult[];
}

export interface BenchResult {
  name: string;
  floor: string;
  rows: BenchRow[];
}

const ns = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));

/** A table of an experiment's rows, lines ended. */
export function renderBench({ name, floor, rows }: BenchResult): string {
  const cells = [
    ['', 'ns', 'floor ns', 'ratio', '95%'],
    ...rows.map((row) => [
      row.case,
      ns(row.subject.median),
      ns(row.floor.median),
      `${row.ratio.estimate.toFixed(2)}×`,
      `${row.ratio.low.toFixed(2)}–${row.ratio.high.toFixed(2)}`,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const lines = cells.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  return [`${name} (floor: ${floor})`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** All tables, and how far it came. */
export function renderBenchReport(report: BenchReport): string {
  const ends = completionLines(report).map((line) => `${line}\n`);
  return [...report.experiments.map((result) => `${renderBench(result)}\n`), ...ends].join('');
}
