// The notices of an incarnation's thread arrive in one task, as those of a thread that has exited do.

import { expect, test } from 'vitest';
import { Incarnation } from '../../../host/machine/supervisor/incarnation.ts';
import type { DriverHost, DriverHostEvents } from '../../../host/machine/supervisor/driver-host.ts';
import type { KernelLife } from '../../../host/machine/supervisor/kernel-life.ts';
import type { Thread } from '../../../host/machine/shared/platform.ts';
import type { Images } from '../../../host/machine/shared/protocol.ts';
import { nextTask } from '../../../host/machine/shared/task.ts';
import { loadImage, TestKernel } from '../../support/kernel.ts';

test('what it has left is there before its answer, its death after it was live', async () => {
  const kernel = await TestKernel.boot();
  const { memory, words } = kernel;
  const life = { memory, words, dead: false, ring: () => {}, usedUntil: () => {} } as unknown as KernelLife;
  const domain = await loadImage('domain.wasm');
  const images = { domain, driverLoop: domain } as unknown as Images;
  let says!: DriverHostEvents;
  const host: DriverHost = {
    ...{ memory, thread: {} as Thread, bell: null, transport: 0, postedKind: null, ending: false },
    begin: (_, events) => (says = events),
    end: () => Promise.resolve(),
    release: () => {},
  };
  const heard: string[] = [];
  const incarnation = await Incarnation.prepare(
    life,
    {
      died: (by) => heard.push(`died: ${by}`),
      files: () => [],
      warned: () => heard.push('warned'),
      unloaded: () => heard.push('unloaded'),
    },
    () => Promise.resolve(host),
  );
  incarnation.begin(domain, {} as never, [], images, null);
  const up = incarnation.untilLive(1000).then(() => heard.push('up'));
  says.noticed({ type: 'live', statics: [] });
  says.noticed({ type: 'unloaded', leakedBytes: 1, leakedObjects: 1, persistent: new Map() });
  expect(heard).toEqual(['unloaded']);
  says.noticed({ type: 'exit', code: 3 });
  void says.ended(false);
  await up;
  await nextTask();
  expect(heard).toEqual(['unloaded', 'up', 'died: exit']);
  expect(incarnation.exitCode).toBe(3);
  kernel.exports.poll();
});
