// What is said about a set of samples: sel4bench's row. Pure functions; nothing here knows what was measured.

/** One row as sel4bench prints it, in the unit of the samples. */
export interface Summary {
  min: number;
  /** Lower quartile. */
  q1: number;
  median: number;
  mean: number;
  /** Upper quartile. */
  q3: number;
  max: number;
  /** Of the sample, with n - 1; 0 for a single sample. */
  stddev: number;
  n: number;
}

/**
 * Quantile of type 7: linear interpolation between the order statistics at h = (n - 1)p. The default of R and NumPy.
 * Source: R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996) 361-365.
 *
 * @param sorted ascending, at least one value
 * @param p      0..1
 * @throws RangeError for no values or a p outside 0..1
 */
export function quantile(sorted: readonly number[], p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`a quantile lies between 0 and 1, not at ${p}`);
  const h = (sorted.length - 1) * p;
  const below = sorted[Math.floor(h)];
  const above = sorted[Math.ceil(h)];
  if (below === undefined || above === undefined) throw new RangeError('a quantile of no values');
  return below + (h - Math.floor(h)) * (above - below);
}

/**
 * The row of a set of samples. The standard deviation is Bessel's: sqrt(sum((x - mean)²) / (n - 1)).
 *
 * @throws RangeError for no samples or one that is not finite
 */
export function summarize(samples: readonly number[]): Summary {
  const bad = samples.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new RangeError(`a sample is not finite: ${bad}`);
  const sorted = [...samples].sort((a, b) => a - b);
  const n = sorted.length;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / n;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    min: quantile(sorted, 0),
    q1: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    mean,
    q3: quantile(sorted, 0.75),
    max: quantile(sorted, 1),
    stddev: n > 1 ? Math.sqrt(squares / (n - 1)) : 0,
    n,
  };
}

/** An estimate and the interval in which it lies with 95% confidence. */
export interface Interval {
  estimate: number;
  low: number;
  high: number;
}

const RESAMPLES = 2000;

/**
 * The ratio of medians with its 95% interval: the percentile bootstrap, both sets resampled 2000 times by a generator
 * with a fixed seed, so that the same samples give the same interval.
 * Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 13.
 *
 * @throws RangeError for no samples or one that is not finite
 */
export function ratioInterval(a: readonly number[], b: readonly number[]): Interval {
  let state = 1;
  const next = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const resampled = (samples: readonly number[]): number[] =>
    samples.map(() => samples[next(samples.length)]!);
  const estimate = ratioOfMedians(a, b);
  const ratios = Array.from({ length: RESAMPLES }, () => ratioOfMedians(resampled(a), resampled(b))).sort(
    (x, y) => x - y,
  );
  return { estimate, low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}

export function median(samples: readonly number[]): number {
  return summarize(samples).median;
}

/**
 * Ratio of medians, median(a) / median(b): unlike the mean of ratios it does not depend on how the samples are paired,
 * and a single slow batch on either side does not move it.
 */
export function ratioOfMedians(a: readonly number[], b: readonly number[]): number {
  return median(a) / median(b);
}
