// Threads that end without the supervisor: a driver's in the middle of a call, the kernel's, a client's. Waiting callers are answered
// within the deadline, the machine recovers, and no thread is leaked.

import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ModuleError } from '../../../host/domain/module-error.ts';
import { MachineDied } from '../../../host/machine/shared/control.ts';
import type { ClientThread, Machine, MachineEvent, Placement } from '../../../host/machine/shared/types.ts';
import { EBUSY, EEXIST, EIO, ENXIO } from '../../../kernel/abi/errno.ts';
import { MAX_FDS } from '../../../kernel/abi/limits.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import {
  bytes,
  driverIs,
  isFault,
  machineIs,
  nextEvent,
  pattern,
  PLACEMENTS,
} from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

const DEADLINE = 2000;
/** An ioctl of test/fixtures/probe.ts */
const REMOVE_EXTRA = 5;
let lab: ThreadLab;
let machine: Machine;
const events: MachineEvent[] = [];

async function boot(placement: Placement, deadlineMs = DEADLINE): Promise<void> {
  machine = await lab.boot(placement, { deadlineMs });
  for (const driver of lab.drivers)
    await machine.insmod(driver, driver.name === 'ramdisk' ? 'size=4096' : '');
  events.length = 0;
  machine.subscribe((event) => events.push(event));
}

beforeEach(async () => {
  lab = await threadLab();
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
  expect(lab.living()).toBe(0);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Resolves when a condition has become true, of which there is no event. */
async function seen(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

const logged = (line: string): boolean => machine.dmesg().records.some(({ text }) => text === line);
const references = (name: string): number =>
  machine.lsmod().find((each) => each.name === name)?.references ?? -1;

/** A call in which the driver hangs. */
async function hang(client: ClientThread): Promise<{ answer: Promise<number>; since: number }> {
  const fd = await client.open('/dev/lkdtm', O_RDWR);
  const since = performance.now();
  const answer = client.write(fd, bytes('LOOP'));
  answer.catch(() => {}); // the test handles it
  await seen(() => logged('lkdtm: Performing direct entry LOOP'));
  return { answer, since };
}

async function works(
  client: { open: ClientThread['open']; read: ClientThread['read'] },
  path: string,
): Promise<void> {
  const fd = await client.open(path, O_RDONLY);
  expect((await client.read(fd, 8)).result).toBe(8);
}

describe('a driver’s thread', () => {
  beforeEach(() => boot('microkernel'));

  test('terminated in the middle of a call: the caller has its errno at once, the next call works', async () => {
    const client = await machine.attach();
    const { answer, since } = await hang(client);
    const up = nextEvent(machine, driverIs('lkdtm', 'up'));
    machine.threadOf('lkdtm').terminate();
    expect(await answer).toBe(-EIO);
    expect(performance.now() - since).toBeLessThan(DEADLINE);
    expect((await up).generation).toBe(2);
    expect(events.filter(isFault).map(({ by }) => by)).toEqual(['thread ended']);
    await works(client, '/dev/lkdtm');
    await works(machine.console, '/dev/lkdtm');
    expect(machine.check()).toEqual([]);
  });

  test('left by process.exit() in the middle of a call', async () => {
    const up = nextEvent(machine, driverIs('lkdtm', 'up'));
    const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
    const since = performance.now();
    expect(await machine.console.write(fd, bytes('EXIT'))).toBe(-EIO);
    expect(performance.now() - since).toBeLessThan(DEADLINE);
    await up;
    await works(machine.console, '/dev/lkdtm');
  });

  test('terminated between two calls: it is there again before anybody notices', async () => {
    const up = nextEvent(machine, driverIs('zero', 'up'));
    machine.threadOf('zero').terminate();
    await up;
    await works(machine.console, '/dev/zero');
    await seen(() => machine.status().zombies === 0); // its successor may be up before its thread has ended
  });

  test('terminated with several callers waiting: all are answered', async () => {
    const clients = await Promise.all([machine.attach(), machine.attach(), machine.attach()]);
    const fds = await Promise.all(clients.map((client) => client.open('/dev/lkdtm', O_RDWR)));
    const { answer } = await hang(await machine.attach());
    const waiting = clients.map((client, i) => client.read(fds[i]!, 4));
    const up = nextEvent(machine, driverIs('lkdtm', 'up'));
    machine.threadOf('lkdtm').terminate();
    expect(await answer).toBe(-EIO);
    for (const { result } of await Promise.all(waiting)) expect(result).toBe(-EIO);
    await up;
    for (const client of clients) await works(client, '/dev/lkdtm');
  });

  test('terminated while it initialises: insmod is refused, and nothing is left of it', async () => {
    const probe = await loadFixture('probe');
    const before = machine.accounting();
    const loading = machine.insmod(probe, 'ending=3');
    loading.catch(() => {}); // handled below
    await seen(() => machine.devices().some(({ path }) => path === '/dev/probe'));
    machine.threadOf('probe').terminate();
    await expect(loading).rejects.toMatchObject({ name: 'ModuleError', errno: EIO });
    await seen(() => machine.status().zombies === 0);
    // The fence is raised before the kernel drops the endpoint's module.
    await seen(() => isDeepStrictEqual(machine.accounting(), before));
    expect(machine.devices().map(({ path }) => path)).not.toContain('/dev/probe');
    await machine.insmod(probe);
    await works(machine.console, '/dev/probe');
  });

  test('that cannot be started again is given up, and said; loaded again it is as new', async () => {
    await machine.insmod(await loadFixture('probe'));
    const fd = await machine.console.open('/dev/probe', O_RDWR);
    expect(await machine.console.ioctl(fd, REMOVE_EXTRA, 0)).toBe(0);
    await machine.insmod(await loadFixture('thief'));
    const failed = nextEvent(machine, driverIs('probe', 'failed'));
    machine.threadOf('probe').terminate();
    await failed;
    await machine.settled();
    expect((await machine.console.read(fd, 8)).result).toBe(-EIO);
    expect(await machine.console.close(fd)).toBe(0);
    expect(machine.dmesg().records.at(-1)?.text).toMatch(
      /^supervisor: giving probe up: .*Device or resource busy/,
    );
    expect(
      machine
        .status()
        .drivers.map(({ state }) => state)
        .sort(),
    ).toEqual(['failed', 'up', 'up', 'up', 'up', 'up']);
    expect(machine.lsmod().map(({ name }) => name)).not.toContain('probe');
    expect(await machine.console.open('/dev/probe', O_RDWR)).toBe(-ENXIO); // the name is kept for the driver
    await machine.rmmod('thief');
    await machine.insmod(await loadFixture('probe'));
    await expect(machine.insmod(await loadFixture('probe'))).rejects.toMatchObject({ errno: EEXIST });
    await works(machine.console, '/dev/probe');
    expect(machine.check()).toEqual([]);
  });

  test('dies in its init: by a trap, by the deadline', async () => {
    const probe = await loadFixture('probe');
    const before = machine.accounting();
    for (const [parameters, by] of [
      ['ending=2', 'trap'],
      ['ending=3', 'deadline'],
    ] as const) {
      const error: unknown = await machine.insmod(probe, parameters).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ModuleError);
      const how = by === 'trap' ? 'trap: unreachable' : by;
      expect((error as ModuleError).message).toBe(
        `could not insert module probe: Input/output error (it died while it was loaded (${how}))`,
      );
      expect(events.filter(isFault).at(-1)).toMatchObject({ module: 'probe', by });
      await seen(() => machine.status().zombies === 0);
      expect(machine.accounting()).toEqual(before);
      expect(machine.status().drivers.map(({ name }) => name)).not.toContain('probe');
    }
    expect(machine.check()).toEqual([]);
  });

  test('dies in its cleanup: it is gone, with what it had registered, and nobody starts it again', async () => {
    const probe = await loadFixture('probe');
    await machine.insmod(probe);
    await machine.rmmod('probe');
    const before = machine.accounting();
    const devices = machine.devices();
    for (const [parameters, by] of [
      ['parting=1', 'trap'],
      ['parting=2', 'deadline'],
    ] as const) {
      await machine.insmod(probe, parameters);
      events.length = 0;
      expect(await machine.rmmod('probe')).toMatchObject({ name: 'probe' });
      expect(events.filter(isFault)).toMatchObject([{ module: 'probe', by }]);
      expect(events.filter(driverIs('probe', 'starting'))).toEqual([]);
      expect(machine.status().drivers.map(({ name }) => name)).not.toContain('probe');
      expect(machine.lsmod().map(({ name }) => name)).not.toContain('probe');
      expect(machine.devices()).toEqual(devices);
      expect(machine.accounting()).toEqual(before);
      expect(machine.status().zombies).toBe(0);
    }
    expect(machine.check()).toEqual([]);
    await machine.insmod(probe);
    await works(machine.console, '/dev/probe');
  });
});

describe('a driver that is unloaded', () => {
  beforeEach(() => boot('sandbox'));
  const refused = (error: unknown): number | null => {
    if (!(error instanceof ModuleError)) throw error;
    return error.errno;
  };

  test('twice at once: the second is refused, as by Linux', async () => {
    const asked = [1, 2].map(() => machine.rmmod('zero').then(() => 0, refused));
    expect(await Promise.all(asked)).toEqual([0, EBUSY]);
  });

  test('as soon as it has died: it is unloaded or restarted, and not both', async () => {
    for (let turns = 0; turns < 16; turns++) {
      machine.kill('zero');
      for (let i = 0; i < turns; i++) await Promise.resolve();
      const errno = await machine.rmmod('zero').then(() => 0, refused);
      await machine.settled();
      const known = machine.status().drivers.filter(({ name }) => name === 'zero');
      expect(known.map(({ state }) => state)).toEqual(errno === 0 ? [] : ['up']);
      const live = machine.lsmod().filter(({ name }) => name === 'zero');
      expect(live.map(({ state }) => state)).toEqual(errno === 0 ? [] : ['live']);
      if (errno === 0) await machine.insmod(lab.drivers.find(({ name }) => name === 'zero')!);
    }
  });
});

describe.each(PLACEMENTS)('the kernel’s thread of a %s machine', (placement) => {
  beforeEach(() => boot(placement));

  test('terminated: the machine boots anew with its drivers, and clients move on', async () => {
    const client = await machine.attach();
    await works(client, '/dev/zero');
    const running = nextEvent(machine, machineIs('running'));
    lab.threads('kernel')[0]!.terminate();
    await running;
    expect(events.filter(isFault)[0]).toMatchObject({ by: 'thread ended' });
    expect(machine.status()).toMatchObject({ state: 'running', boot: 2 });
    expect(machine.deadKernelLog?.records.map(({ text }) => text)).toContain('ramdisk: 4 KiB');
    await works(client, '/dev/zero');
    await works(machine.console, '/dev/ramdisk');
  });

  test('terminated in the middle of a call: the caller is told', async () => {
    const client = await machine.attach();
    const { answer } = await hang(client);
    const running = nextEvent(machine, machineIs('running'));
    const call = machine.console.open('/dev/zero', O_RDONLY).catch((reason: unknown) => reason);
    lab.threads('kernel')[0]!.terminate();
    expect(await answer).toBe(-EIO);
    if (placement === 'monolithic') expect(await call).toBeInstanceOf(MachineDied);
    await running;
    await works(client, '/dev/lkdtm');
  });
});

describe('init that hangs or traps in the monolith', () => {
  test('hangs: the machine is booted anew, without the module', async () => {
    await boot('monolithic', 500);
    const running = nextEvent(machine, machineIs('running'));
    const loading = machine.insmod(await loadFixture('probe'), 'ending=3');
    await expect(loading).rejects.toBeInstanceOf(MachineDied);
    await running;
    expect(machine.status().drivers.map(({ name, state }) => `${name} ${state}`)).toEqual(
      lab.drivers.map(({ name }) => `${name} up`),
    );
    await works(machine.console, '/dev/zero');
  });

  test('traps: the module stays COMING, cannot be used, loaded or unloaded; the rest goes on', async () => {
    await boot('monolithic');
    const probe = await loadFixture('probe');
    await expect(machine.insmod(probe, 'ending=2')).rejects.toMatchObject({
      name: 'ModuleError',
      errno: EIO,
    });
    expect(machine.lsmod()[0]).toMatchObject({ name: 'probe', state: 'coming' });
    await expect(machine.insmod(probe)).rejects.toMatchObject({
      message: 'could not insert module probe: File exists',
    });
    await expect(machine.rmmod('probe')).rejects.toMatchObject({
      message: 'could not remove module probe: Device or resource busy',
    });
    expect(await machine.console.open('/dev/probe', O_RDONLY)).toBeLessThan(0);
    expect(machine.status().taint).toBe('D');
    await works(machine.console, '/dev/zero');
  });
});

describe.each(PLACEMENTS)('a client’s thread of a %s machine', (placement) => {
  beforeEach(() => boot(placement, 500));

  test('terminated: its files are closed, and its place is free', async () => {
    for (let round = 0; round < 3; round++) {
      const client = await machine.attach();
      for (let fd = 0; fd < MAX_FDS; fd++) expect(await client.open('/dev/zero', O_RDONLY)).toBe(fd);
      expect(references('zero')).toBe(MAX_FDS);
      lab.threads('client').at(-1).terminate();
      await seen(() => references('zero') === 0);
      await expect(client.open('/dev/zero', O_RDONLY)).rejects.toBeInstanceOf(MachineDied);
    }
    const all = await Promise.all(Array.from({ length: 15 }, () => machine.attach()));
    expect(await Promise.all(all.map((client) => client.open('/dev/null', O_RDONLY)))).toEqual(
      all.map(() => 0),
    );
  });

  test('terminated in the middle of a call: the machine goes on when that has ended', async () => {
    const client = await machine.attach();
    const { answer } = await hang(client);
    const back: Promise<MachineEvent> =
      placement === 'monolithic'
        ? nextEvent(machine, machineIs('running'))
        : nextEvent(machine, driverIs('lkdtm', 'up'));
    lab.threads('client')[0]!.terminate();
    await expect(answer).rejects.toBeInstanceOf(MachineDied);
    await back;
    await machine.settled();
    await seen(() => references('lkdtm') === 0);
    const next = await machine.attach();
    await works(next, '/dev/lkdtm');
  });

  test('terminated before the machine boots anew: that does not wait for it', async () => {
    const [dead, living] = [await machine.attach(), await machine.attach()];
    lab.threads('client')[0]!.terminate();
    await machine.reboot();
    expect(machine.status()).toMatchObject({ state: 'running', boot: 2 });
    await expect(dead.close(0)).rejects.toBeInstanceOf(MachineDied);
    await works(living, '/dev/zero');
  });
});

describe.each(PLACEMENTS)('a %s machine that is shut down', (placement) => {
  beforeEach(() => boot(placement, 500));

  test('in the middle of everything: callers are told, no thread is left', async () => {
    const client = await machine.attach();
    const { answer } = await hang(client);
    const loading = machine.insmod(await loadFixture('probe')).catch((reason: unknown) => reason);
    await machine.shutdown();
    await answer.then(
      (status) => expect(status).toBe(-EIO),
      (reason: unknown) => expect(reason).toBeInstanceOf(MachineDied),
    );
    expect(await loading).toBeInstanceOf(Error);
    expect(machine.status().state).toBe('off');
    await expect(machine.console.open('/dev/zero', O_RDONLY)).rejects.toBeInstanceOf(MachineDied);
    await expect(machine.settled()).rejects.toBeInstanceOf(MachineDied);
  });

  test('while it boots anew', async () => {
    const rebooting = machine.reboot().catch((reason: unknown) => reason);
    await machine.shutdown();
    await rebooting;
    expect(machine.status().state).toBe('off');
  });
});

describe('who sleeps is woken', () => {
  test.each(PLACEMENTS)('%s: a client that comes back when all have gone to sleep', async (placement) => {
    await boot(placement, 500);
    const client = await machine.attach();
    let calls = 0;
    while (calls < 400) {
      await client.startReading('/dev/ramdisk', 1);
      for (let i = 0; i < 20; i++) await client.write(15, pattern(1));
      const report = await client.stopReading();
      expect(report.failures).toEqual([]);
      calls += report.calls;
    }
    expect(events.filter(isFault)).toEqual([]);
  });
});
