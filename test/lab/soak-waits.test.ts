// How long threads have waited for a processor: of the right threads, within a deadline, and never twice.

import { expect, test } from 'vitest';
import { nodePlatform } from '../../host/cli/node-platform.ts';
import { Waits } from '../../host/lab/soak/soak-waits.ts';
import type { Thread } from '../../host/machine/shared/platform.ts';
import type { Machine } from '../../host/machine/shared/types.ts';

interface Fake extends Thread {
  waited: number | null;
}

function thread(): Fake {
  const made = { kind: 'driver', waited: 0, waitedMs: () => made.waited };
  return made as unknown as Fake;
}

/** A machine of 100 ms of deadline with a kernel and drivers. */
function machineOf(threads: Map<string | null, Fake | null>): Machine {
  const drivers = [...threads.keys()].filter((name) => name !== null).map((name) => ({ name, state: 'up' }));
  return {
    deadlineMs: 100,
    status: () => ({ state: 'running', drivers }),
    threadOf(name: string | null): Thread {
      const found = threads.get(name);
      if (!found) throw new Error(`module is not loaded: ${name}`);
      return found;
    },
  } as unknown as Machine;
}

test('the driver’s and the kernel’s are added up, one that both share is counted once', () => {
  const [kernel, zero] = [thread(), thread()];
  const waits = new Waits(
    machineOf(
      new Map([
        [null, kernel],
        ['zero', zero],
        ['boxed', kernel],
        ['dead', null],
      ]),
    ),
    () => 0,
  );
  waits.end();
  [kernel.waited, zero.waited] = [30, 40];
  expect(waits.lately('zero')).toBe(70);
  expect(waits.lately('boxed')).toBe(30);
  expect(waits.lately('dead')).toBe(30);
  expect(waits.lately(null)).toBe(30);
});

test('what was waited before the last deadline, or by a thread before, does not count', () => {
  const kernel = thread();
  const threads = new Map([[null, kernel]]);
  let now = 0;
  const waits = new Waits(machineOf(threads), () => now);
  waits.end();
  for (const [at, waited] of [
    [50, 10],
    [100, 20],
    [150, 60],
  ] as const) {
    [now, kernel.waited] = [at, waited];
    waits.look();
  }
  kernel.waited = 65;
  expect(waits.lately(null)).toBe(55);
  const next = thread();
  threads.set(null, next);
  waits.look();
  next.waited = 7;
  expect(waits.lately(null)).toBe(7);
});

test('nothing is known where the runtime tells nothing', () => {
  const kernel = thread();
  kernel.waited = null;
  const waits = new Waits(machineOf(new Map([[null, kernel]])), () => 0);
  waits.end();
  expect(waits.lately(null)).toBeNull();
});

test.runIf(process.platform === 'linux')(
  'Linux tells it of a thread of Node, until that has ended',
  async () => {
    const spawned = await nodePlatform.spawn('driver');
    const before = spawned.waitedMs!();
    expect(before).toBeGreaterThanOrEqual(0);
    expect(spawned.waitedMs!()).toBeGreaterThanOrEqual(before!);
    spawned.terminate();
    await spawned.ended;
    expect(spawned.waitedMs!()).toBeNull();
  },
);
