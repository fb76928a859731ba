import { describe, expect, test } from 'vitest';
import { clockStepNs } from '../../host/lab/clock.ts';
import { quantile, ratioOfMedians, summarize, ratioInterval } from '../../host/lab/statistics.ts';

describe('summarize', () => {
  // R: x <- c(2,4,4,4,5,5,7,9); summary(x); sd(x)
  test('agrees with R', () => {
    const row = summarize([9, 2, 4, 5, 4, 7, 4, 5]);
    expect(row).toMatchObject({ min: 2, q1: 4, median: 4.5, mean: 5, q3: 5.5, max: 9, n: 8 });
    expect(row.stddev).toBeCloseTo(2.13809, 5);
  });

  test('a single sample is its own summary', () => {
    expect(summarize([7])).toEqual({ min: 7, q1: 7, median: 7, mean: 7, q3: 7, max: 7, stddev: 0, n: 1 });
  });

  test('leaves the samples as they were', () => {
    const samples = [3, 1, 2];
    summarize(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  test('refuses no samples and what is no number', () => {
    expect(() => summarize([])).toThrow(RangeError);
    expect(() => summarize([1, Number.NaN])).toThrow('a sample is not finite: NaN');
  });
});

describe('quantile', () => {
  // R: quantile(c(1,2,3,4), c(.1,.25,.9), type = 7)
  test.each([
    [0.1, 1.3],
    [0.25, 1.75],
    [0.9, 3.7],
    [1, 4],
  ])('type 7 at %d', (p, value) => {
    expect(quantile([1, 2, 3, 4], p)).toBeCloseTo(value, 12);
  });

  test('refuses a p outside 0..1', () => {
    expect(() => quantile([1], 1.5)).toThrow('a quantile lies between 0 and 1, not at 1.5');
  });
});

test('the ratio of medians ignores one slow batch', () => {
  expect(ratioOfMedians([6, 6, 6, 600], [2, 2, 2, 2])).toBe(3);
});

describe('clock', () => {
  test('finds the smallest step', () => {
    let looks = 0;
    // Stands still for three looks, then goes on by 5 µs, every tenth time by 15.
    const now = (): number => {
      const step = Math.floor(looks++ / 3);
      return (step + 2 * Math.floor(step / 10)) * 0.005;
    };
    expect(clockStepNs(now)).toBe(5000);
  });

  test('is positive for the real clock', () => {
    expect(clockStepNs(() => performance.now())).toBeGreaterThan(0);
  });
});

describe('ratioInterval', () => {
  const around = (middle: number): number[] =>
    Array.from({ length: 31 }, (_, i) => middle * (1 + (i - 15) / 100));

  test('holds the ratio of medians, is narrow for close samples, and the same every time', () => {
    const { estimate, low, high } = ratioInterval(around(20), around(10));
    expect(estimate).toBeCloseTo(2, 10);
    expect(low).toBeGreaterThan(1.8);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(high).toBeLessThan(2.2);
    expect(ratioInterval(around(20), around(10))).toEqual({ estimate, low, high });
  });

  test('samples that do not differ have no width; no samples are refused', () => {
    expect(ratioInterval([3, 3, 3], [2, 2])).toEqual({ estimate: 1.5, low: 1.5, high: 1.5 });
    expect(() => ratioInterval([], [1])).toThrow(RangeError);
  });
});
