// The result of a recovery measurement for people: a line for each placement and cause.

import { completionLines } from '../interruption.ts';
import type { RecoveryReport, RecoveryRow } from './recovery.ts';
import { milliseconds } from '../units.ts';

const HEAD = ['', 'fault to good', 'known', 'up', 'bare start', 'beyond', '', 'n'];

function cells({ placement, cause, recovered, ms, floor, ...row }: RecoveryRow): string[] {
  const signed = row.beyond.ms.median < 0 ? '-' : '';
  return [
    `${placement}: ${cause}, ${recovered} back`,
    milliseconds(ms.median),
    milliseconds(row.detectedAfterMs),
    milliseconds(row.upAfterMs),
    milliseconds(floor.ms.median),
    `${signed}${milliseconds(Math.abs(row.beyond.ms.median))}`,
    row.beyond.of,
    row.lost > 0 ? `${ms.n} (${row.lost} lost)` : String(ms.n),
  ];
}

/** Lines ended. */
export function renderRecovery(report: RecoveryReport): string {
  const { rows, environment, standby } = report;
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const left = new Set([0, 6]);
  return [
    `recovery, medians; ${environment.runtime}, ${environment.cores} cores, isolab ${environment.version}${standby ? '' : ', no standby'}`,
    ...lines.map((line) =>
      line
        .map((cell, column) =>
          left.has(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    ),
    ...completionLines(report),
    '',
  ].join('\n');
}
