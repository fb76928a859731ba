// The platform without threads: messages come later and are not copied, none comes after the end, and there are no driver threads.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { nodeLab, type NodeLab } from '../../host/cli/machines.ts';
import { nodePlatform } from '../../host/cli/node-platform.ts';
import { inlinePlatform } from '../../host/machine/inline-platform.ts';
import type { Platform, Thread } from '../../host/machine/shared/platform.ts';
import { nextTask } from '../../host/machine/shared/task.ts';
import { bytes, driverIs, nextEvent } from '../support/machine.ts';
import { EBADF, EIO } from '../../kernel/abi/errno.ts';
import { MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';

const inline = inlinePlatform(nodePlatform);
/** In the order in which they were started. */
const threads: Thread[] = [];
const platform: Platform = {
  ...inline,
  async spawn(kind) {
    const thread = await inline.spawn(kind);
    threads.push(thread);
    return thread;
  },
};
let lab: NodeLab;
beforeAll(async () => {
  lab = await nodeLab(platform);
});
afterAll(() => lab.close());

test('a message is not copied and comes in a later task; after the end none comes', async () => {
  const thread = await platform.spawn('client');
  const heard: unknown[] = [];
  const listener = ({ data }: { data: unknown }): void => void heard.push(data);
  await nextTask(); // its `ready`
  thread.port.addEventListener('message', listener);
  thread.port.postMessage({ id: 'x', type: 'GET', path: ['wait'] });
  expect(heard).toEqual([]);
  await nextTask();
  await nextTask();
  expect(heard).toMatchObject([{ id: 'x', value: { call: expect.any(Function) as unknown } }]);
  thread.port.postMessage({ id: 'y', type: 'GET', path: ['wait'] });
  thread.terminate();
  await thread.ended;
  await nextTask();
  await nextTask();
  expect(heard).toHaveLength(1);
});

test('a driver has no thread of its own: insmod says why, and the machine goes on', async () => {
  const machine = await lab.boot('microkernel');
  const [driver] = lab.drivers;
  await expect(machine.insmod(driver!)).rejects.toThrow('memory cannot be shared with another thread here');
  expect(machine.status()).toMatchObject({ state: 'running', drivers: [] });
  await machine.shutdown();
  await lab.resources.ready();
  expect(lab.resources.threads).toBe(1); // the spare kernel's
});

test('a supervisor that was held up accuses nobody', async () => {
  const beat = vi.spyOn(globalThis, 'setInterval');
  const machine = await lab.boot('sandbox', { deadlineMs: MIN_DEADLINE_MS });
  const [heart] = beat.mock.calls.map(([callback]) => callback);
  beat.mockRestore();
  heart!();
  const until = performance.now() + 1.5 * MIN_DEADLINE_MS;
  while (performance.now() < until);
  heart!();
  await machine.settled();
  expect(machine.status()).toMatchObject({ state: 'running', boot: 1 });
  await machine.shutdown();
});

test('a client that is ended in its call holds up nobody, and a reboot takes the others along', async () => {
  const machine = await lab.boot('sandbox');
  for (const driver of lab.drivers) await machine.insmod(driver);
  const one = await machine.attach();
  const thread = threads.at(-1);
  const other = await machine.attach();
  await other.startReading('/dev/zero', 2);
  const fd = await one.open('/dev/ramdisk', O_RDWR);
  const reading = one.read(fd, 64);
  thread.terminate();
  await expect(reading).rejects.toThrow('thread has ended: client');
  const next = await machine.attach();
  expect(await next.read(fd, 64)).toMatchObject({ result: -EBADF });

  await machine.reboot();
  const again = await next.open('/dev/lkdtm', O_RDWR);
  const restarted = nextEvent(machine, driverIs('lkdtm', 'up'));
  expect(await next.write(again, bytes('BUG'))).toBe(-EIO);
  await restarted;
  const report = await other.stopReading();
  expect(report.calls).toBeGreaterThan(0);
  await machine.shutdown();
});
