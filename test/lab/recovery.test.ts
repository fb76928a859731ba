// The arithmetic of a recovery measurement, on samples that are given.

import { describe, expect, test } from 'vitest';
import { rowOf, type RecoveryReport } from '../../host/lab/recovery/recovery.ts';
import { renderRecovery } from '../../host/lab/recovery/recovery-table.ts';

/** Faults at 1000 that were known, up and good so many ms later. */
const samples = [3, 5, 4].map((ms) => ({
  ...{ faultAt: 1000, detectedAt: 1001, upAt: 1000 + ms - 1, goodAt: 1000 + ms, floor: 0.5 },
}));

describe('a row', () => {
  test('of traps is what is beyond bare instantiation', () => {
    const row = rowOf('microkernel', 'trap', 500, samples, 0);
    expect(row).toMatchObject({
      ...{ recovered: 'driver', detectedAfterMs: 1, upAfterMs: 3, lost: 0 },
      ...{ ms: { median: 4, n: 3 }, floor: { ms: { median: 0.5 } } },
      beyond: { of: 'bare instantiation', ms: { median: 3.5 } },
    });
  });

  test('of hangs is what is beyond the deadline, which may be negative', () => {
    expect(rowOf('microkernel', 'hang', 3.75, samples, 2)).toMatchObject({
      ...{ lost: 2, beyond: { of: 'deadline', ms: { min: -0.75, median: 0.25 } } },
    });
  });

  test('of workers that are gone is what is beyond the detection', () => {
    expect(rowOf('monolithic', 'worker gone', 500, samples, 0)).toMatchObject({
      ...{ recovered: 'machine', beyond: { of: 'detection', ms: { median: 3 } } },
    });
  });

  test('of no sample is none', () => {
    expect(() => rowOf('microkernel', 'trap', 500, [], 3)).toThrow(RangeError);
  });
});

test('the table has a line for each row and fits a terminal', () => {
  const report: RecoveryReport = {
    ...{ interrupted: false, extent: [] },
    schema: 'isolab.recovery/1',
    environment: { runtime: 'node 20', cores: 2, crossOriginIsolated: true, version: '1' },
    standby: true,
    count: 3,
    rows: [
      rowOf('microkernel', 'worker gone', 500, samples, 1),
      rowOf('microkernel', 'hang', 500, samples, 0),
    ],
  };
  const lines = renderRecovery(report).trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
  expect(lines[2]).toMatch(/^microkernel: worker gone, driver back +4\.00 ms .* detection +3 \(1 lost\)$/);
  expect(lines[3]).toMatch(/ -496 ms {2}deadline +3$/);
});
