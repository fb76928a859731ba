import { describe, expect, test } from 'vitest';
import type { CallRow, FaultRow } from '../../host/lab/compare/report.ts';
import { summarize } from '../../host/lab/statistics.ts';
import { verdictOfCalls, verdictOfFault } from '../../host/lab/compare/verdict.ts';

describe('verdicts', () => {
  const base: FaultRow = {
    ...{
      fault: 'X',
      placement: 'microkernel',
      outcome: 'no effect seen',
      detectedBy: null,
      deadlineMs: 2000,
    },
    ...{
      detectedAfterMs: null,
      recoveredAfterMs: null,
      callsFailed: 0,
      kernelSurvived: true,
      damage: [],
      log: [],
    },
    ...{ bystanderCalls: 80, bystanderCallsFailed: 0, bystanderWorstMs: 3 },
  };

  test.each<[Partial<FaultRow>, string]>([
    [
      {},
      'Nothing happened that anybody could see. Another program noticed nothing (80 calls, the slowest 3.00 ms).',
    ],
    [
      { detectedBy: 'kernel log', detectedAfterMs: 0.2 },
      'did no harm: the kernel complained in its log after 0.20 ms.',
    ],
    [
      { outcome: 'error returned', detectedBy: 'error number', detectedAfterMs: 1 },
      'The call failed (the caller was told',
    ],
    [
      { outcome: 'damage found', damage: ['a list is broken', 'b', 'c'] },
      'Nobody noticed, yet the damage is there: a list is broken (and 2 more).',
    ],
    [
      { outcome: 'driver restarted', detectedBy: 'deadline', detectedAfterMs: 2001, recoveredAfterMs: 2020 },
      'Only the driver went down: a missed deadline gave it away after 2.00 s, and it answered again after 2.02 s.',
    ],
    [{ outcome: 'machine rebooted', kernelSurvived: false, damage: ['gone'] }, 'Left behind: gone.'],
    [
      { outcome: 'not recovered', kernelSurvived: false },
      'The driver never answered again: nobody noticed. The kernel is gone.',
    ],
    [{ bystanderCallsFailed: 1, bystanderCalls: 1 }, 'Another program lost 1 of 1 call to another driver.'],
    [{ bystanderWorstMs: 900 }, 'Another program lost no call, but waited up to 900 ms.'],
    [{ bystanderCalls: 0 }, 'No other program got a call through.'],
  ])('%j', (change, text) => {
    expect(verdictOfFault({ ...base, ...change })).toContain(text);
  });
});

describe('verdicts on calls', () => {
  const row = (placement: CallRow['placement'], samples: number[]): CallRow => ({
    ...{ placement, operation: 'read', bytes: 64, ns: summarize(samples) },
    ...{ floor: { name: 'memory copy', median: 5 }, ratio: 2 },
  });
  const slow = [100, 101, 102];
  const fast = [10, 11, 12];

  test.each([
    [
      fast,
      slow,
      'A read of 64 bytes costs 9.2× as much across the isolation: 2.0× a bare memory copy here, 2.0×',
    ],
    [slow, fast, 'A read of 64 bytes is cheaper across the isolation, 0.11× the cost'],
    [fast, [9, 11, 14], 'A read of 64 bytes costs about the same on both sides'],
  ])('%j against %j', (monolithic, microkernel, text) => {
    expect(verdictOfCalls(row('monolithic', monolithic), row('microkernel', microkernel))).toContain(text);
  });
});
