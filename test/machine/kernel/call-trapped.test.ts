// The kernel traps in a call by a driver. The call is correct; the kernel's own data is damaged. This is an oops of the kernel, in
// which the caller ends. A driver in a sandbox was unwound with it, and a driver elsewhere gets no answer: it is restarted, and the
// log does not blame it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeLab, type NodeLab } from '../../../host/cli/machines.ts';
import { Killed } from '../../../host/machine/shared/control.ts';
import { Memory } from '../../../host/machine/shared/memory-view.ts';
import type { Place, Places } from '../../../host/machine/shared/place.ts';
import type { Machine, MachineEvent, Placement } from '../../../host/machine/shared/types.ts';
import { M_STORE } from '../../../kernel/abi/machine.ts';
import { DRIVER_LOG_BURST } from '../../../kernel/abi/limits.ts';
import { KERNEL_MEMORY, MACHINE_BASE } from '../../../kernel/abi/map.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import { ST_VALUE } from '../../../kernel/abi/store.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { driverIs, expectLine, isFault, nextEvent, text } from '../../support/machine.ts';

const NOWHERE = 0xfffffff0;

let lab: NodeLab;
let machine: Machine;
let kernel: WebAssembly.Memory;
let faults: MachineEvent[];

beforeEach(async () => {
  lab = await nodeLab();
  const take = lab.resources.takeMemory.bind(lab.resources);
  lab.resources.takeMemory = async (bytes) => {
    const memory = await take(bytes);
    if (bytes === KERNEL_MEMORY) kernel = memory;
    return memory;
  };
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
});

async function boot(
  parameters = '',
  panicOnOops = false,
  placement: Placement = 'sandbox',
  places: Places = new Map(),
): Promise<void> {
  machine = await lab.boot(placement, { panicOnOops, places });
  await machine.insmod(await loadFixture('reader'), parameters);
  faults = [];
  machine.subscribe((event) => void (isFault(event) && faults.push(event)));
}

/** Damages the kernel's data of the driver. @returns repairs it */
function damage(): () => void {
  const at = new Memory(kernel).u32(MACHINE_BASE + M_STORE) + ST_VALUE;
  const words = new Uint32Array(kernel.buffer);
  const value = words[at >> 2]!;
  words[at >> 2] = NOWHERE;
  return () => void (words[at >> 2] = value);
}

const log = (): string[] => machine.dmesg().records.map((record) => record.text);

async function works(): Promise<void> {
  const fd = await machine.console.open('/dev/reader', O_RDONLY);
  expect(text((await machine.console.read(fd, 8)).data)).toBe('01234567');
  expect(await machine.console.close(fd)).toBe(0);
}

/** Expects one oops of the kernel, and that the driver is up again. */
async function sound(): Promise<void> {
  await machine.settled();
  expect(faults.map((event) => isFault(event) && `${event.module} ${event.by}`).sort()).toEqual([
    'kernel trap',
    'reader oops',
  ]);
  expectLine(log(), 'Oops: memory out of bounds: 0000 [#1] SMP');
  expectLine(log(), 'supervisor: restarting reader (oops), restart 1');
  expect(machine.status()).toMatchObject({ state: 'running', boot: 1, taint: 'D' });
  expect(machine.status().drivers).toMatchObject([{ state: 'up', restarts: 1 }]);
  await works();
  expect(machine.check()).toEqual([]);
}

test('of the console: it is ended, and the driver starts anew', async () => {
  await boot();
  await works();
  const fd = await machine.console.open('/dev/reader', O_RDONLY);
  const mend = damage();
  const up = nextEvent(machine, driverIs('reader', 'up'));
  await expect(machine.console.read(fd, 8)).rejects.toThrow(Killed);
  await up;
  mend();
  await sound();
  await machine.rmmod('reader');
  expect(machine.check()).toEqual([]);
});

test('of a client in a thread of its own: others are served', async () => {
  await boot();
  const client = await machine.attach();
  const fd = await client.open('/dev/reader', O_RDONLY);
  const mend = damage();
  const up = nextEvent(machine, driverIs('reader', 'up'));
  await expect(client.read(fd, 8)).rejects.toThrow(Killed);
  await up;
  mend();
  await sound();
});

test('of a timer: nobody is ended but the driver', async () => {
  await boot();
  const fd = await machine.console.open('/dev/reader', O_RDONLY);
  const mend = damage();
  const up = nextEvent(machine, driverIs('reader', 'up'));
  expect(await machine.console.ioctl(fd, 0, 0)).toBe(0);
  await up;
  mend();
  await sound();
});

test('of an init that is run again', async () => {
  await boot('eager=1');
  const mend = damage();
  let oopses = 0;
  const again = new Promise<void>((resolve) => {
    machine.subscribe((event) => {
      if (isFault(event) && event.module === 'reader' && event.by === 'oops' && ++oopses === 2) {
        mend();
        resolve();
      }
    });
  });
  machine.kill('reader');
  await again;
  await machine.settled();
  await works();
  expect(machine.check()).toEqual([]);
});

test('with panic_on_oops: the machine boots anew', async () => {
  await boot('', true);
  const fd = await machine.console.open('/dev/reader', O_RDONLY);
  damage();
  await expect(machine.console.read(fd, 8)).rejects.toThrow();
  await machine.settled();
  expect(machine.status()).toMatchObject({ state: 'running', boot: 2, taint: '' });
  await works();
});

test('whatever the driver has logged before, the oops is whole', async () => {
  await boot();
  const fd = await machine.console.open('/dev/reader', O_RDONLY);
  const mend = damage();
  const up = nextEvent(machine, driverIs('reader', 'up'));
  await expect(machine.console.ioctl(fd, 2 * DRIVER_LOG_BURST, 0)).rejects.toThrow(Killed);
  await up;
  mend();
  await machine.settled();
  expectLine(log(), 'reader: logs too much, messages are suppressed');
  for (const line of [/^RIP: /, /^Modules linked in: /, /^---\[ end trace/]) expectLine(log(), line);
});

test('of a worker: it is given up at once, not at its deadline, and its caller has an errno', async () => {
  await boot('', false, 'microkernel');
  const fd = await machine.console.open('/dev/reader', O_RDONLY);
  const mend = damage();
  const up = nextEvent(machine, driverIs('reader', 'up'));
  expect((await machine.console.read(fd, 8)).result).toBe(-EIO);
  await up;
  mend();
  await sound();
});

test('of a sandbox, on account of a request that has waited: its client calls again', async () => {
  await boot();
  const [one, other] = [await machine.attach(), await machine.attach()];
  const fds = [await one.open('/dev/reader', O_RDONLY), await other.open('/dev/reader', O_RDONLY)];
  const mend = damage();
  const up = nextEvent(machine, driverIs('reader', 'up'));
  const both = await Promise.allSettled([one.read(fds[0]!, 8), other.read(fds[1]!, 8)]);
  expect(both.some(({ status }) => status === 'rejected')).toBe(true);
  await up;
  mend();
  await machine.settled();
  for (const client of [one, other])
    expect(await client.open('/dev/reader', O_RDONLY)).toBeGreaterThanOrEqual(0);
});

describe('of a worker that a sandbox has called', () => {
  test('the worker alone is given up: the client and the sandbox go on', async () => {
    const places = new Map<string, Place>([
      ['reader', 'worker'],
      ['asker', 'sandbox'],
    ]);
    await boot('', false, 'microkernel', places);
    await machine.insmod(await loadFixture('asker'), '');
    const client = await machine.attach();
    const fd = await client.open('/dev/asker', O_RDONLY);
    const mend = damage();
    const up = nextEvent(machine, driverIs('reader', 'up'));
    expect(await client.ioctl(fd, 0, 0)).toBe(-EIO);
    await up;
    mend();
    await machine.settled();
    expect(await client.ioctl(fd, 0, 0)).toBe(8);
    expect(machine.status().drivers.map(({ restarts }) => restarts)).toEqual([1, 0]);
    expect(machine.check()).toEqual([]);
  });
});

describe('of a sandbox that another driver has called', () => {
  const RETRIEVE = 0;

  async function bootBoth(asker: Place): Promise<number> {
    const places = new Map<string, Place>([
      ['reader', 'sandbox'],
      ['asker', asker],
    ]);
    await boot('', false, 'microkernel', places);
    await machine.insmod(await loadFixture('asker'), '');
    const fd = await machine.console.open('/dev/asker', O_RDONLY);
    expect(await machine.console.ioctl(fd, RETRIEVE, 0)).toBe(8);
    return fd;
  }

  test('that is a worker: it has an errno, and lives', async () => {
    const fd = await bootBoth('worker');
    const mend = damage();
    const up = nextEvent(machine, driverIs('reader', 'up'));
    expect(await machine.console.ioctl(fd, RETRIEVE, 0)).toBe(-EIO);
    await up;
    mend();
    await machine.settled();
    expect(await machine.console.ioctl(fd, RETRIEVE, 0)).toBe(8);
    expect(machine.status().drivers.map(({ restarts }) => restarts)).toEqual([1, 0]);
    expect(machine.check()).toEqual([]);
  });

  test('that is a sandbox too: both are unwound with the client, and call each other again', async () => {
    const fd = await bootBoth('sandbox');
    const mend = damage();
    const up = ['reader', 'asker'].map((name) => nextEvent(machine, driverIs(name, 'up')));
    await expect(machine.console.ioctl(fd, RETRIEVE, 0)).rejects.toThrow(Killed);
    await Promise.all(up);
    mend();
    await machine.settled();
    const again = await machine.console.open('/dev/asker', O_RDONLY);
    expect(await machine.console.ioctl(again, RETRIEVE, 0)).toBe(8);
    expect(machine.status().drivers.map(({ restarts }) => restarts)).toEqual([1, 1]);
    expect(machine.check()).toEqual([]);
  });
});
