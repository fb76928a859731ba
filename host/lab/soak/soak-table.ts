// The result of a soak for people: a paragraph for each placement, and what is wrong.

import { completionLines } from '../interruption.ts';
import type { SoakReport, SoakRow } from './soak.ts';
import { count } from '../units.ts';

const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, n]) => `${name} ${n}`)
    .join(', ') || 'none';

function paragraph(row: SoakRow): string[] {
  const { writes, violations } = row;
  return [
    `${row.placement}: ${row.seconds.toFixed(0)} s, ${count(row.calls, 'call')}, ${row.failedCalls} of them failed`,
    `  faults    ${listed(row.faults)}`,
    `  noticed   ${listed(row.detectedBy)}`,
    `  restarts  ${row.restarts}`,
    `  disk      ${count(writes.acknowledged, 'write')} acknowledged, ${writes.verifiedReads} blocks read back, ${writes.lost} lost`,
    `  stuck calls ${row.stuckCalls}, wrong answers ${row.wrongAnswers}, falseKills: ${row.falseKills}, disturbed ${row.disturbed.length}`,
    ...row.disturbed.map((sentence) => `  disturbed ${sentence}`),
    ...violations.map((sentence) => `  VIOLATION ${sentence}`),
  ];
}

/** Lines ended. */
export function renderSoak(report: SoakReport): string {
  const { seed, seconds, rows, environment } = report;
  const disturbed = rows.reduce((sum, row) => sum + row.disturbed.length, 0);
  const wrong = rows.reduce((sum, { violations }) => sum + violations.length, 0);
  return [
    `soak of ${seconds} s a placement, seed ${seed}; ${environment.runtime}, isolab ${environment.version}`,
    ...rows.flatMap(paragraph),
    ...completionLines(report),
    ...(disturbed === 0 ? [] : [`${count(disturbed, 'missed deadline')} because the computer was too busy`]),
    wrong === 0 ? 'nothing was lost, stuck, damaged or killed without a reason' : count(wrong, 'violation'),
    '',
  ].join('\n');
}
