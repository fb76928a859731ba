// Which pairs of batches count. The loops here take a given time.

import { describe, expect, test } from 'vitest';
import type { Domain } from '../../../host/domain/domain.ts';
import type { KernelExports } from '../../../host/domain/image.ts';
import type { Floor, Floors } from '../../../host/machine/kernel/floors.ts';
import { Bench } from '../../../host/machine/kernel/measure.ts';
import type { Measured, MeasureSpec } from '../../../host/machine/shared/types.ts';

const NULL_CALL: MeasureSpec = {
  ...{ operation: 'dispatch', path: '/dev/null', bytes: 0, samples: 3, batchMs: 1 },
};

/** A loop whose rounds take so many ms each. */
function taking(ms: () => number): (rounds: number) => void {
  return (rounds) => {
    const until = performance.now() + rounds * ms();
    while (performance.now() < until);
  };
}

/** @returns the result of the first pair over a floor that is ten times slower after its warm-up */
async function firstPair(name: Measured['floorName']): Promise<Measured> {
  let warm = false; // the floor is warmed up before the subject
  const floor: Floor = { name, loop: taking(() => (warm ? 1e-3 : 1e-4)) };
  const subject = taking(() => 1e-4);
  const exports = {
    poll: () => 0,
    bench_dispatch: (rounds: number) => {
      warm = true;
      subject(rounds);
      return 0;
    },
  };
  const domain = { exports, words: new Int32Array(1 << 16) } as unknown as Domain<KernelExports>;
  const floors = { of: () => floor, transport: () => null } as unknown as Floors;
  const call = (): Promise<number> => Promise.resolve(0);
  const bench = new Bench(domain, floors, call, (entry) => entry());
  const { measured, step } = await bench.prepare(NULL_CALL);
  while (measured.subject.length + measured.dropped === 0) await step();
  return measured;
}

describe('a pair whose floor was much slower than when it was warm', () => {
  test('counts where threads wait for each other: that is what is measured', async () => {
    for (const name of ['wait/notify round trip', 'postMessage round trip'] as const) {
      const { subject, floor, dropped } = await firstPair(name);
      expect({ name, pairs: subject.length, floors: floor.length, dropped }).toEqual({
        ...{ name, pairs: 1, floors: 1, dropped: 0 },
      });
    }
  });

  test('does not where they spin: somebody else had the core', async () => {
    const { subject, dropped } = await firstPair('shared-memory round trip');
    expect({ pairs: subject.length, dropped }).toEqual({ pairs: 0, dropped: 1 });
  });
});
