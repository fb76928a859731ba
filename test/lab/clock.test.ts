import { expect, test } from 'vitest';
import { batchMsFor, clockStepNs } from '../../host/lab/clock.ts';

test('the smallest step of a clock is found', () => {
  let looks = 0;
  expect(clockStepNs(() => Math.floor(looks++ / 3) * 0.005)).toBe(5000);
});

test('a batch lasts a hundred steps of a coarse clock, and never less than 3 ms', () => {
  expect(batchMsFor(5000)).toBe(3);
  expect(batchMsFor(100_000)).toBe(10);
});
