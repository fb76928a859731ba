// Waiting always ends, and nobody is left with a rejection that no one hears.

import { expect, test } from 'vitest';
import { Cancelled, within } from '../../host/lab/wait.ts';

test('ends with the value, without one when patience runs out, and at once when the user gives up', async () => {
  const never = new Promise<never>(() => undefined);
  expect(await within(Promise.resolve(1), Infinity, null)).toBe(1);
  expect(await within(never, 1, null)).toBeNull();
  const controller = new AbortController();
  const waiting = within(never, Infinity, null, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow(Cancelled);
});

test('what rejects after the user has given up is heard', async () => {
  let fail: (error: Error) => void = () => undefined;
  const failing = new Promise<never>((_, reject) => (fail = reject));
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  await expect(within(failing, Infinity, null, AbortSignal.abort())).rejects.toThrow(Cancelled);
  fail(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});
