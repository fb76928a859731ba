// Statistics of counted latencies: quantiles, means, the difference of two readings, the sum of two incarnations.

import { expect, test } from 'vitest';
import {
  bucketFrom,
  bucketOf,
  latencyMean,
  latencyQuantile,
  since,
  together,
} from '../../../host/machine/inspect/latency.ts';
import type { ChannelStatistics } from '../../../host/machine/shared/types.ts';
import { STAT_BUCKETS } from '../../../kernel/abi/trace.ts';

/** @param latencies ns, each with its weight */
function channel(latencies: readonly [ns: number, weight: number][], generation = 1): ChannelStatistics {
  const samples = new Array<number>(STAT_BUCKETS).fill(0);
  for (const [ns, weight] of latencies) samples[bucketOf(ns)]! += weight;
  return {
    ...{ driver: 'zero', channel: 3, generation, sinceNs: 0, errors: 0, samples },
    calls: latencies.reduce((sum, [, weight]) => sum + weight, 0),
    timeNs: latencies.reduce((sum, [ns, weight]) => sum + ns * weight, 0),
  };
}

test('a quantile is within a sixteenth of the value', () => {
  const latencies = Array.from({ length: 1000 }, (_, i): [number, number] => [100 * 1.012 ** i, 1]);
  const { samples } = channel(latencies);
  for (const p of [0.01, 0.5, 0.9, 0.99, 1]) {
    const exact = latencies[Math.ceil(p * 1000) - 1]![0];
    expect(Math.abs(latencyQuantile(samples, p)! / exact - 1)).toBeLessThan(1 / 16 + 1e-9);
  }
});

test('weights count', () => {
  const { samples } = channel([
    [1000, 16],
    [50_000, 1],
  ]);
  expect(bucketOf(latencyQuantile(samples, 0.9)!)).toBe(bucketOf(1000));
  expect(bucketOf(latencyQuantile(samples, 0.99)!)).toBe(bucketOf(50_000));
});

test('of nothing there is none', () => {
  expect(latencyQuantile(channel([]).samples, 0.5)).toBeNull();
  expect(latencyMean(channel([]))).toBeNull();
  expect(latencyQuantile([], 0.5)).toBeNull();
});

test('a mean is that of the times, not of the buckets', () => {
  expect(latencyMean(channel([[1001, 3]]))).toBe(1001);
});

test('between two looks is what the later has more', () => {
  const before = channel([[1000, 5]]);
  const now = channel([
    [1000, 6],
    [9000, 2],
  ]);
  expect(since(now, before)).toEqual({
    ...channel([
      [1000, 1],
      [9000, 2],
    ]),
  });
  expect(since(now, undefined)).toBe(now);
  expect(since({ ...now, generation: 2 }, before).calls).toBe(8);
});

test('two incarnations are added', () => {
  const both = together(channel([[1000, 5]]), channel([[4000, 1]], 2));
  expect(both).toMatchObject({ generation: 2, calls: 6, timeNs: 9000 });
  expect(both.samples[bucketOf(1000)]).toBe(5);
  expect(bucketFrom(bucketOf(4000))).toBeLessThanOrEqual(4000);
});
