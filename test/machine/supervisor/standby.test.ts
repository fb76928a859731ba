// A hot standby: the successor of the driver that died last, or those of its pool, are prepared for the next death.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { NEVER_GIVE_UP, type Policy } from '../../../host/machine/supervisor/policy.ts';
import type { Machine, MachineEvent, Placement } from '../../../host/machine/shared/types.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { saying } from '../../support/altered.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { bytes, driverIs, expectLine, isFault, nextEvent } from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

let lab: ThreadLab;
let machine: Machine;
const events: MachineEvent[] = [];

beforeEach(async () => {
  lab = await threadLab();
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
  expect(lab.living()).toBe(0);
});

const own = (name: string): LoadedModule => lab.drivers.find((each) => each.name === name)!;
const log = (): string[] => machine.dmesg().records.map((record) => record.text);

async function boot(
  policy: Partial<Policy> = NEVER_GIVE_UP,
  placement: Placement = 'microkernel',
): Promise<void> {
  machine = await lab.boot(placement, { policy });
  events.length = 0;
  machine.subscribe((event) => events.push(event));
}

/** A driver has died once, and its standby is prepared. */
async function died(name: string): Promise<void> {
  machine.kill(name);
  await machine.settled();
  await machine.ready();
}

async function trap(): Promise<void> {
  const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
  expect(await machine.console.write(fd, bytes('BUG'))).toBe(-EIO);
  await machine.console.close(fd);
}

async function works(): Promise<void> {
  const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect((await machine.console.read(fd, 4)).result).toBe(4);
  expect(await machine.console.close(fd)).toBe(0);
}

const statesOf = (name: string): string[] =>
  events.flatMap((event) => (event.type === 'driver' && event.module === name ? [event.state] : []));

describe.each(['microkernel', 'sandbox', 'pooled'] as const)('of a driver that trapped, %s', (placement) => {
  const threads = placement !== 'sandbox';
  beforeEach(async () => {
    await boot(NEVER_GIVE_UP, placement);
    await machine.insmod(own('lkdtm'));
    expect(machine.status().standby).toEqual([]); // it has never died
    await died('lkdtm');
    expect(machine.status().standby).toEqual(['lkdtm']);
    events.length = 0;
  });

  test('serves before its supervisor has started a thread, and all is told as ever', async () => {
    for (let restarts = 2; restarts < 6; restarts++) {
      events.length = 0;
      const before = machine.threadOf('lkdtm');
      const known = new Set(lab.threads('driver'));
      const up = nextEvent(machine, driverIs('lkdtm', 'up'));
      await trap();
      await up;
      if (threads) expect(machine.threadOf('lkdtm')).not.toBe(before);
      if (threads) expect(known.has(machine.threadOf('lkdtm'))).toBe(true);
      expect(statesOf('lkdtm')).toEqual(['starting', 'up']);
      expect(events.filter(isFault)).toMatchObject([{ module: 'lkdtm', by: 'trap' }]);
      expect(machine.status()).toMatchObject({ drivers: [{ state: 'up', restarts }], standby: [] });
      await works();
      await machine.settled();
      expectLine(log(), `supervisor: restarting lkdtm (trap), restart ${restarts}`);
      expect(machine.check()).toEqual([]);
      await machine.ready();
      expect(machine.status().standby).toEqual(['lkdtm']);
    }
  });

  test('goes when its driver is unloaded', async () => {
    await machine.rmmod('lkdtm');
    expect(machine.status()).toMatchObject({ standby: [], drivers: [] });
    expect(machine.devices().filter(({ path }) => path === '/dev/lkdtm')).toEqual([]);
    expect(machine.check()).toEqual([]);
    await machine.insmod(own('lkdtm'));
    await works();
  });

  test('makes room for another driver', async () => {
    await machine.insmod(own('null'));
    expect(machine.status().standby).toEqual([]);
    await trap();
    await machine.settled();
    await works();
  });

  test('is another after a live update', async () => {
    await machine.update(own('lkdtm'));
    expect(machine.status().standby).toEqual([]);
    await works();
    await machine.ready();
    await trap();
    await machine.settled();
    await works();
    expect(machine.check()).toEqual([]);
  });

  test('stands back for one that died later', async () => {
    await machine.insmod(own('zero'));
    await died('lkdtm');
    await died('zero');
    expect(machine.status().standby).toEqual(placement === 'pooled' ? ['lkdtm', 'zero'] : ['zero']);
    await trap();
    await machine.settled();
    await works();
    expect(machine.status().drivers.map(({ state }) => state)).toEqual(['up', 'up']);
  });

  test('ends with its kernel', async () => {
    await machine.reboot();
    expect(machine.status().standby).toEqual([]);
    await works();
    await died('lkdtm');
    expect(machine.status().standby).toEqual(['lkdtm']);
    await trap();
    await machine.settled();
    await works();
  });

  if (!threads) return;

  test('whose own thread has ended: its driver is restarted as ever', async () => {
    const serving = machine.threadOf('lkdtm');
    const ended = lab.threads('driver').map(async (thread) => {
      if (thread !== serving) thread.terminate();
      if (thread !== serving) await thread.ended;
    });
    await Promise.all(ended);
    await trap();
    await machine.settled();
    await works();
    expect(machine.status()).toMatchObject({ state: 'running', drivers: [{ state: 'up', restarts: 2 }] });
  });
});

describe('of a pool', () => {
  const all = ['lkdtm', 'zero', 'null'];
  beforeEach(async () => {
    await boot(NEVER_GIVE_UP, 'pooled');
    for (const name of all) await machine.insmod(own(name));
    await died('zero');
  });

  const states = (): object[] =>
    machine.status().drivers.map(({ name, state, restarts }) => ({ name, state, restarts }));

  test('are those of all its drivers, who die together', async () => {
    for (let restarts = 2; restarts < 5; restarts++) {
      expect(machine.status().standby).toEqual(all);
      const known = new Set(lab.threads('driver'));
      machine.threadOf('zero').terminate();
      await Promise.all(all.map((name) => nextEvent(machine, driverIs(name, 'up'))));
      await machine.settled();
      expect(states()).toEqual(all.map((name) => ({ name, state: 'up', restarts })));
      for (const name of all) expect(known.has(machine.threadOf(name))).toBe(true);
      await works();
      expect(machine.check()).toEqual([]);
      await machine.ready();
    }
  });

  test('leave out whoever left memory to its successor, and who does not come back', async () => {
    await machine.insmod(own('ramdisk'), 'size=4096');
    await machine.insmod(saying(await loadFixture('probe'), 'restart', 'temporary'));
    await died('zero');
    expect(machine.status().standby).toEqual(all);
    await trap();
    await machine.settled();
    expect(states()).toEqual([
      ...[...all, 'ramdisk'].map((name) => expect.objectContaining({ name, state: 'up' }) as object),
      { name: 'probe', state: 'failed', restarts: 0 },
    ]);
    expect(machine.check()).toEqual([]);
  });

  test('go with the first change of the machine, whosever it is', async () => {
    await machine.rmmod('null');
    expect(machine.status().standby).toEqual([]);
    await trap();
    await machine.settled();
    await machine.ready();
    expect(machine.status().standby).toEqual(['lkdtm', 'zero']);
    await works();
  });
});

test('one that is ended in a sandbox is asked nothing more: that is no fault of the kernel’s', async () => {
  await boot(NEVER_GIVE_UP, 'sandbox');
  await machine.insmod(own('zero'));
  for (let round = 0; round < 30; round++) {
    const fd = await machine.console.open('/dev/zero', O_RDWR);
    machine.kill('zero');
    expect((await machine.console.read(fd, 8)).result).toBe(-EIO);
    expect(await machine.console.close(fd)).toBe(0);
    await machine.settled();
  }
  expect(machine.status()).toMatchObject({ taint: '', drivers: [{ state: 'up', restarts: 30 }] });
});

test('there is none for a driver that leaves memory to its successor', async () => {
  await boot();
  await machine.insmod(own('ramdisk'), 'size=4096');
  await died('ramdisk');
  expect(machine.status().standby).toEqual([]);
});

test('there is none for a driver that would not be restarted at once', async () => {
  await boot({});
  await machine.insmod(own('lkdtm'));
  await died('lkdtm');
  expect(machine.status()).toMatchObject({ standby: [], drivers: [{ state: 'up', restarts: 1 }] });
});

test('there is none for a driver that needs another', async () => {
  await boot();
  for (const name of ['base', 'stacked']) await machine.insmod(await loadFixture(name));
  await died('stacked');
  expect(machine.status().standby).toEqual([]);
});

test.each(['microkernel', 'sandbox', 'pooled'] as const)(
  'one that dies in its init is a death as any other, %s',
  async (placement) => {
    await boot({ ...NEVER_GIVE_UP, intensity: { restarts: 20, periodMs: 60_000 } }, placement);
    await machine.insmod(await loadFixture('fading'), 'lives=2');
    await died('fading');
    expect(machine.status().standby).toEqual(['fading']);
    machine.kill('fading');
    await machine.settled();
    expect(machine.status().drivers).toMatchObject([{ state: 'failed' }]);
    expectLine(
      log(),
      'supervisor: giving fading up: it died 5 times in a row in its init (trap in its init)',
    );
    expect(machine.check()).toEqual([]);
  },
);
