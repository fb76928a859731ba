// A pool whose thread has ended: its memory is given back when the death of each of its drivers was handled, which is a task later for
// a driver that has just gone live.

import { expect, test } from 'vitest';
import { post } from '../../../host/machine/shared/control.ts';
import { Incarnation, type IncarnationEvents } from '../../../host/machine/supervisor/incarnation.ts';
import type { KernelLife } from '../../../host/machine/supervisor/kernel-life.ts';
import type { Port, Thread } from '../../../host/machine/shared/platform.ts';
import { Pools } from '../../../host/machine/supervisor/pools.ts';
import type { Images, DomainOptions } from '../../../host/machine/shared/protocol.ts';
import type { Resources } from '../../../host/machine/supervisor/resources.ts';
import { nextTask } from '../../../host/machine/shared/task.ts';
import { loadImage, TestKernel } from '../../support/kernel.ts';

interface Scene {
  life: KernelLife;
  pools: Pools;
  kernel: TestKernel;
  /** Posts a notice as the pool's thread. */
  says(event: { data: unknown }): void;
  /** Ends the pool's thread. */
  ends(): void;
  /** The events, in order. */
  order: string[];
  events: IncarnationEvents;
}

async function scene(): Promise<Scene> {
  const kernel = await TestKernel.boot();
  const { memory, words } = kernel;
  const life = { memory, words, dead: false, ring: () => {}, usedUntil: () => {} } as unknown as KernelLife;
  let says!: Scene['says'];
  let ends!: () => void;
  const thread = {
    port: {
      addEventListener: (_: string, listener: typeof says) => (says = listener),
      postMessage: () => {},
    },
    terminate: () => {},
    ended: new Promise<void>((resolve) => (ends = resolve)),
  } as unknown as Thread;
  const order: string[] = [];
  const resources = {
    takePreparedThread: () => Promise.resolve({ thread, memory }),
    giveMemory: () => order.push('given back'),
  } as unknown as Resources;
  const pools = new Pools(resources, {} as DomainOptions, 'ring');
  const events = { died: () => order.push('died'), files: () => [], warned: () => {}, unloaded: () => {} };
  return { life, pools, kernel, says: (event) => says(event), ends, order, events };
}

test('the memory of a driver that is live and lost in one task is kept before others can have it', async () => {
  const { life, pools, kernel, says, ends, order, events } = await scene();
  const domain = await loadImage('domain.wasm');
  const incarnation = await Incarnation.prepare(life, events, () => pools.join('drivers', life, false));
  const { channel, generation } = incarnation;
  incarnation.begin(domain, {} as never, [], { domain, driverLoop: domain } as unknown as Images, null);
  const up = incarnation.untilLive(1000);
  const port = { postMessage: (data: unknown) => says({ data }) } as Port;
  post(port, { type: 'driver', channel, generation, notice: { type: 'live', statics: [] } });
  ends();
  await up;
  while (order.length < 2) await nextTask();
  expect(order).toEqual(['died', 'given back']);
  kernel.exports.poll();
});

test('one that has not begun when its pool ends may still do so: the memory waits for it', async () => {
  const { life, pools, ends, order, events } = await scene();
  const incarnation = await Incarnation.prepare(life, events, () => pools.join('drivers', life, false));
  ends();
  for (let turns = 0; turns < 3; turns++) await nextTask();
  expect(order).toEqual([]);
  const domain = await loadImage('domain.wasm');
  incarnation.begin(domain, {} as never, [], { domain, driverLoop: domain } as unknown as Images, null);
  while (order.length < 2) await nextTask();
  expect(order).toEqual(['died', 'given back']);
});

test('or be ended', async () => {
  const { life, pools, ends, order, events } = await scene();
  const incarnation = await Incarnation.prepare(life, events, () => pools.join('drivers', life, false));
  ends();
  for (let turns = 0; turns < 3; turns++) await nextTask();
  expect(order).toEqual([]);
  void incarnation.end();
  while (order.length < 1) await nextTask();
  expect(order).toEqual(['given back']);
});
