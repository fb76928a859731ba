// What is said of latencies that were counted in log-linear buckets (kernel/abi/trace.ts): quantiles, means, and what has come
// in between two looks. Pure functions.

import {
  STAT_BUCKETS,
  STAT_LEAST,
  STAT_LEAST_LOG,
  STAT_SUB_BITS,
  STAT_SUBS,
} from '../../../kernel/abi/trace.ts';
import type { ChannelStatistics } from '../shared/types.ts';

/** The ns at which a bucket begins; it ends where the next one begins. */
export function bucketFrom(bucket: number): number {
  if (bucket <= 0) return 0;
  const octave = STAT_LEAST_LOG + Math.floor((bucket - 1) / STAT_SUBS);
  const sub = (bucket - 1) % STAT_SUBS;
  return 2 ** octave + sub * 2 ** (octave - STAT_SUB_BITS);
}

/** The bucket that counts a latency. */
export function bucketOf(ns: number): number {
  if (!(ns >= STAT_LEAST)) return 0;
  const octave = Math.floor(Math.log2(ns));
  const sub = Math.floor(ns / 2 ** (octave - STAT_SUB_BITS)) % STAT_SUBS;
  return Math.min(1 + (octave - STAT_LEAST_LOG) * STAT_SUBS + sub, STAT_BUCKETS - 1);
}

/**
 * The middle of the bucket in which a quantile of the samples lies: within a sixteenth of it, but for the first bucket (64 ns
 * wide).
 *
 * @param samples weights by bucket
 * @param p 0..1
 * @returns ns, or null without samples
 */
export function latencyQuantile(samples: readonly number[], p: number): number | null {
  const total = samples.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return null;
  let below = 0;
  const bucket = samples.findIndex((weight) => (below += weight) >= p * total && weight > 0);
  const at = bucket < 0 ? samples.findLastIndex((weight) => weight > 0) : bucket;
  return (bucketFrom(at) + bucketFrom(at + 1)) / 2;
}

/** The mean of the samples in ns, or null without any. */
export function latencyMean({
  timeNs,
  samples,
}: Pick<ChannelStatistics, 'timeNs' | 'samples'>): number | null {
  const total = samples.reduce((sum, weight) => sum + weight, 0);
  return total > 0 ? timeNs / total : null;
}

/** What a channel has counted since an earlier look: all of it, where another incarnation is on it now. */
export function since(now: ChannelStatistics, before: ChannelStatistics | undefined): ChannelStatistics {
  if (!before || before.generation !== now.generation || before.calls > now.calls) return now;
  const left = (a: number, b: number): number => Math.max(0, a - b);
  return {
    ...now,
    calls: left(now.calls, before.calls),
    errors: left(now.errors, before.errors),
    timeNs: left(now.timeNs, before.timeNs),
    samples: now.samples.map((weight, bucket) => left(weight, before.samples[bucket] ?? 0)),
  };
}

/** What two incarnations of a driver have counted, under the name of the later one. */
export function together(earlier: ChannelStatistics, later: ChannelStatistics): ChannelStatistics {
  return {
    ...later,
    calls: earlier.calls + later.calls,
    errors: earlier.errors + later.errors,
    timeNs: earlier.timeNs + later.timeNs,
    samples: later.samples.map((weight, bucket) => weight + (earlier.samples[bucket] ?? 0)),
  };
}
