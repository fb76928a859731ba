// The ladder as a table of text, and in sentences: what each rung costs beside its floor, and beside the rung at the bottom.

import { completionLines } from '../interruption.ts';
import type { LadderReport, Rung } from './ladder.ts';
import { count, nanoseconds, times } from '../units.ts';

const HEADS = ['transport', 'median', 'p99', 'n', 'floor', '', 'ratio'];

function caseOf({ operation, bytes, batch }: Rung): string {
  if (operation === 'call') return 'A call that does nothing';
  const size = bytes === 0 ? 'no bytes' : bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} bytes`;
  return batch > 1 ? `Reads of ${size}, ${batch} in flight at once; per read` : `A read of ${size}`;
}

function cells({ transport, ns, floor, ratio, reason }: Rung): string[] {
  if (!ns || !floor || ratio === null) return [transport, reason ?? 'not measured'];
  return [
    ...[transport, nanoseconds(ns.median), nanoseconds(ns.p99), String(ns.n)],
    ...[nanoseconds(floor.median), floor.name, times(ratio)],
  ];
}

/** Lines ended with newlines. */
export function renderLadder(report: LadderReport): string {
  const { environment, rungs } = report;
  const { runtime, cores, clockStepNs, crossOriginIsolated, version } = environment;
  const isolated = crossOriginIsolated ? 'cross-origin isolated' : 'not cross-origin isolated';
  const lines = [
    `run on  ${runtime}, ${count(cores, 'core')}, clock step ${nanoseconds(clockStepNs)}, ${isolated}, isolab ${version}`,
  ];
  const rows = rungs.map(cells);
  const widths = HEADS.map((head, column) =>
    Math.max(
      head.length,
      ...rows.filter((row) => column === 0 || row.length > 2).map((row) => row[column]?.length ?? 0),
    ),
  );
  const line = (row: readonly string[]): string =>
    row.length === 2
      ? `  ${row[0]!.padEnd(widths[0]!)}  ${row[1]}`
      : `  ${row
          .map((cell, column) =>
            column === 0 || column === 5 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
          )
          .join('  ')
          .trimEnd()}`;
  const cases = [...new Set(rungs.map(caseOf))];
  for (const each of cases) {
    lines.push('', each, line(HEADS));
    for (const rung of rungs) if (caseOf(rung) === each) lines.push(line(cells(rung)));
  }
  return [...lines, '', ...sentences(rungs), ...completionLines(report), ''].join('\n');
}

function find(
  rungs: readonly Rung[],
  transport: Rung['transport'],
  batch: number,
  bytes: number,
): Rung | undefined {
  return rungs.find(
    (rung) => rung.transport === transport && rung.batch === batch && rung.bytes === bytes && rung.ns,
  );
}

/** What the figures say, as far as they are there. */
function sentences(rungs: readonly Rung[]): string[] {
  const lines: string[] = [];
  const [ring, comlink] = [find(rungs, 'ring', 1, 0), find(rungs, 'comlink', 1, 0)];
  if (ring?.ns && comlink?.ns)
    lines.push(
      `A call over the ring costs ${times(ring.ratio!)} its floor, and one by Comlink ${times(comlink.ns.median / ring.ns.median)} as much.`,
    );
  const gate = find(rungs, 'gate', 1, 0);
  if (gate?.ns)
    lines.push(
      `A call through the gate costs ${times(gate.ratio!)} a bare call through JavaScript that catches.`,
    );
  const batch = find(rungs, 'ring', 32, 0);
  if (batch?.ns)
    lines.push(
      `In batches the ring carries ${(1e3 / batch.ns.median).toFixed(1)} million reads a second, ${times(1 / batch.ratio!)} a bare ring's rate.`,
    );
  const [near, far] = [find(rungs, 'direct', 1, 65536), find(rungs, 'ring', 1, 65536)];
  if (near?.ns && far?.ns)
    lines.push(
      `Reads of 64 KiB over the ring have ${times(near.ns.median / far.ns.median)} the monolith's throughput.`,
    );
  return lines;
}
