// Threads of a browser: ready when they listen, ended when they have really ended.

import { expect, test } from 'vitest';
import { browserPlatform } from '../../host/web/browser-platform.ts';
import { nameOf, partsOf } from '../../host/web/thread-name.ts';
import type { ThreadKind } from '../../host/machine/shared/platform.ts';

test('the platform says what it is', () => {
  expect(browserPlatform.name).toMatch(/^chromium \d+$/);
  expect(browserPlatform.cores).toBeGreaterThan(0);
});

test.each(['kernel', 'driver', 'client'] as const)(
  'a %s thread starts, and ends when it is told to',
  async (kind) => {
    const thread = await browserPlatform.spawn(kind);
    expect(thread.kind).toBe(kind);
    const early = await Promise.race([thread.ended.then(() => 'ended'), Promise.resolve('alive')]);
    expect(early).toBe('alive');
    thread.terminate();
    await thread.ended;
  },
);

test('a thread whose code throws before it is ready is not given out', async () => {
  await expect(browserPlatform.spawn('nonsense' as ThreadKind)).rejects.toThrow(
    'no name of a thread: nonsense',
  );
});

test('a thread is told its kind and its lock by its name', () => {
  expect(partsOf(nameOf('driver', 'isolab-1'))).toEqual({ kind: 'driver', lock: 'isolab-1' });
  expect(() => partsOf('')).toThrow('no name of a thread');
});
