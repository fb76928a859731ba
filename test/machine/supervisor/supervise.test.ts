// What the supervisor does with a driver that has died, by its policy. Nothing here waits for a time: the test ends a long
// back-off, and the end of a short one is an event.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import type { BootOptions } from '../../../host/lab/load.ts';
import { MachineDied } from '../../../host/machine/shared/control.ts';
import { MAX_INIT_DEATHS, type Policy } from '../../../host/machine/supervisor/policy.ts';
import type { Machine, MachineEvent, RecoveryRequest } from '../../../host/machine/shared/types.ts';
import { EBADF, EIO, ENAMETOOLONG, ENXIO } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { bytes, driverIs, isFault, machineIs, nextEvent } from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

const NO_DELAY = { baseMs: 0, capMs: 0, stableMs: 0 };
/** Longer than any test. */
const LONG = { baseMs: 3_600_000, capMs: 3_600_000, stableMs: 3_600_000 };

let lab: ThreadLab;
let machine: Machine;
let doomed: LoadedModule;
const events: MachineEvent[] = [];

beforeAll(async () => {
  doomed = await loadFixture('doomed');
});
beforeEach(async () => {
  lab = await threadLab();
});
afterEach(async () => {
  await machine.shutdown();
  await lab.close();
  expect(lab.living()).toBe(0);
});

async function boot(policy: Partial<Policy> = {}, options: BootOptions = {}): Promise<void> {
  const policies = new Map([['doomed', policy]]);
  machine = await lab.boot('microkernel', { policy: {}, policies, ...options });
  events.length = 0;
  machine.subscribe((event) => events.push(event));
}

const states = (name = 'doomed'): string[] =>
  events.flatMap((event) => (event.type === 'driver' && event.module === name ? [event.state] : []));
const log = (): string[] => machine.dmesg().records.map(({ text }) => text);
const supervisorSaid = (): string[] => log().filter((line) => line.startsWith('supervisor: '));
const status = (name = 'doomed') => machine.status().drivers.find((each) => each.name === name);
const faults = (): string[] => events.filter(isFault).map(({ by }) => by);

/** Ends /dev/doomed in a write. */
async function die(how: 1 | 2 | 3): Promise<void> {
  const fd = await machine.console.open('/dev/doomed', O_RDWR);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(await machine.console.write(fd, bytes(String(how)))).toBe(-EIO);
  await machine.console.close(fd);
}

describe('a driver that always dies', () => {
  const intensity = { restarts: 3, periodMs: 60_000 };

  test('is given up when it has died too often, and the machine goes on', async () => {
    await boot({ intensity, backoff: NO_DELAY });
    const failed = nextEvent(machine, driverIs('doomed', 'failed'));
    await machine.insmod(doomed, 'end=1');
    await failed;
    await machine.settled();
    expect(faults()).toEqual(['trap', 'trap', 'trap', 'trap']);
    expect(status()).toMatchObject({ state: 'failed', restarts: 3 });
    expect(supervisorSaid()).toEqual([
      'supervisor: restarting doomed (trap), restart 1',
      'supervisor: restarting doomed (trap), restart 2',
      'supervisor: restarting doomed (trap), restart 3',
      'supervisor: giving doomed up: more than 3 restarts in 60 s (trap)',
    ]);
    await machine.insmod(lab.drivers[0]!);
    expect(machine.status()).toMatchObject({ state: 'running', boot: 1 });
    expect(machine.check()).toEqual([]);
  });

  test('and ends its thread as soon as it is live: each death is noticed', async () => {
    await boot({ intensity: { restarts: 15, periodMs: 60_000 }, backoff: NO_DELAY });
    const failed = nextEvent(machine, driverIs('doomed', 'failed'));
    await machine.insmod(doomed, 'end=3');
    await failed;
    await machine.settled();
    expect(faults()).toEqual(Array.from({ length: 16 }, () => 'exit'));
    expect(status()).toMatchObject({ state: 'failed', restarts: 15 });
  });

  test('is restarted after growing delays, which the log and the events tell', async () => {
    await boot({ intensity, backoff: { baseMs: 2, capMs: 3, stableMs: 60_000 } });
    const failed = nextEvent(machine, driverIs('doomed', 'failed'));
    await machine.insmod(doomed, 'end=3');
    await failed;
    await machine.settled();
    const died = ['waiting', 'starting', 'up'];
    expect(states()).toEqual(['up', 'starting', 'up', ...died, ...died, 'failed']);
    expect(supervisorSaid().filter((line) => line.includes('died'))).toEqual([
      'supervisor: doomed died (exit 1), restart 2 in 2 ms',
      'supervisor: doomed died (exit 1), restart 3 in 3 ms',
    ]);
  });

  test('and is essential: the machine panics and boots anew; when it does so again and again, it stays dead', async () => {
    await boot({ intensity: { restarts: 0, periodMs: 60_000 }, essential: true });
    const dead = nextEvent(machine, machineIs('dead'));
    const loading = machine.insmod(doomed, 'end=1').catch((reason: unknown) => reason);
    await dead;
    await loading;
    expect(machine.deadKernelLog?.records.at(-1)?.text).toBe(
      'Kernel panic - not syncing: essential driver is lost: doomed',
    );
    expect(faults().filter((by) => by === 'panic')).toHaveLength(4);
    expect(machine.status()).toMatchObject({ state: 'dead', boot: 4 });
    await expect(machine.console.open('/dev/null', O_RDONLY)).rejects.toBeInstanceOf(MachineDied);
  });
});

describe('an end', () => {
  test.each([
    ['permanent', 2, 'up'],
    ['transient', 2, 'ended'],
    ['transient', 3, 'up'],
    ['temporary', 1, 'failed'],
    ['temporary', 2, 'ended'],
  ] as const)('of a driver that is %s, by way %d: it is %s then', async (restart, how, state) => {
    await boot({ restart });
    await machine.insmod(doomed);
    const next = nextEvent(machine, driverIs('doomed', state));
    await die(how);
    await next;
    await machine.settled();
    expect(faults()).toEqual([how === 1 ? 'trap' : 'exit']);
    if (state !== 'up') {
      expect(await machine.console.open('/dev/doomed', O_RDWR)).toBe(-ENXIO);
      await machine.insmod(doomed);
      await machine.rmmod('doomed');
    }
  });

  test('of which the module itself says what it leads to, where nothing else is said', async () => {
    machine = await lab.boot('microkernel', { policy: {} });
    await machine.insmod(doomed);
    const ended = nextEvent(machine, driverIs('doomed', 'ended')); // MODULE_RESTART('transient')
    await die(2);
    await ended;
    await machine.settled();
    expect(supervisorSaid()).toEqual(['supervisor: doomed has left (exit 0): not restarted']);
  });

  test('a policy of a module that nobody understands is told, and ignored', async () => {
    await boot();
    const modinfo = new Map([...doomed.file.modinfo, ['restart', ['sometimes']]]);
    await machine.insmod({ ...doomed, file: { ...doomed.file, modinfo } });
    await machine.settled();
    expect(supervisorSaid()).toEqual([
      'supervisor: doomed: its restart policy is ignored: unknown word of a policy: sometimes',
    ]);
  });
});

describe('while a driver waits for its restart', () => {
  beforeEach(async () => {
    await boot({ backoff: LONG });
    await machine.insmod(doomed);
    const up = nextEvent(machine, driverIs('doomed', 'up'));
    await die(1);
    await up;
    const waiting = nextEvent(machine, driverIs('doomed', 'waiting'));
    await die(1);
    await waiting;
    expect(status()).toMatchObject({ state: 'waiting', restarts: 1 });
  });

  test('its callers have their errno, and others are served', async () => {
    expect(await machine.console.open('/dev/doomed', O_RDWR)).toBe(-ENXIO);
    await machine.insmod(lab.drivers[0]!);
    const fd = await machine.console.open(`/dev/${lab.drivers[0]!.name}`, O_RDWR);
    expect(await machine.console.write(fd, bytes('x'))).toBe(1);
  });

  test('rmmod ends that', async () => {
    await machine.rmmod('doomed');
    await machine.settled();
    expect(status()).toBeUndefined();
  });

  test('insmod takes its place', async () => {
    await machine.insmod(doomed);
    await machine.settled();
    expect(status()).toMatchObject({ state: 'up', restarts: 0 });
    await machine.rmmod('doomed');
  });

  test('a reboot loads it', async () => {
    await machine.reboot();
    await machine.settled();
    expect(status()).toMatchObject({ state: 'up' });
  });

  test('a shutdown does not wait', async () => {
    await machine.shutdown();
    expect(machine.status().state).toBe('off');
  });

  test('its kernel’s death loads it as well', async () => {
    const running = nextEvent(machine, machineIs('running'));
    lab.threads('kernel')[0]!.terminate();
    await running;
    await machine.settled();
    expect(status()).toMatchObject({ state: 'up' });
  });
});

describe('a driver that dies in its init when it is restarted', () => {
  let stillborn: LoadedModule;
  beforeAll(async () => {
    stillborn = await loadFixture('stillborn');
  });

  const load = async (policy: Partial<Policy>): Promise<void> => {
    const policies = new Map([['stillborn', policy]]);
    await boot({}, { policies });
    await machine.insmod(await loadFixture('tally'));
    await machine.insmod(stillborn);
    const fd = await machine.console.open('/dev/stillborn', O_RDWR);
    expect(await machine.console.write(fd, bytes('x'))).toBe(-EIO);
  };

  test('has died once more: that counts, and it is given up by its intensity', async () => {
    await load({ intensity: { restarts: 2, periodMs: 60_000 }, backoff: NO_DELAY });
    await machine.settled();
    expect(status('stillborn')).toMatchObject({ state: 'failed', restarts: 2 });
    expect(supervisorSaid()).toEqual([
      'supervisor: restarting stillborn (trap), restart 1',
      'supervisor: restarting stillborn (trap in its init), restart 2',
      'supervisor: giving stillborn up: more than 2 restarts in 60 s (trap in its init)',
    ]);
    expect(status('tally')).toMatchObject({ state: 'up', restarts: 0 });
    expect(await machine.console.open('/dev/stillborn', O_RDWR)).toBe(-ENXIO); // the name is kept for the driver
  });

  test('does not do so for ever, whatever the intensity', async () => {
    await load({ intensity: { restarts: Infinity, periodMs: 1 }, backoff: NO_DELAY });
    await machine.settled();
    expect(status('stillborn')).toMatchObject({ state: 'failed', restarts: MAX_INIT_DEATHS });
  });

  test('at the first load: insmod is refused', async () => {
    await boot();
    await machine.insmod(await loadFixture('tally'));
    await expect(machine.insmod(stillborn, 'lives=0')).rejects.toMatchObject({ errno: EIO });
    await machine.settled();
    expect(status('stillborn')).toBeUndefined();
    expect(machine.devices()).toEqual([]);
  });
});

describe('those who use the symbols of a driver that dies', () => {
  const uses = async (owners: 'tell' | 'restart'): Promise<void> => {
    await boot({}, { policies: new Map([['stillborn', { owners }]]) });
    await machine.insmod(await loadFixture('tally'));
    await machine.insmod(await loadFixture('stillborn'), 'lives=10');
    const up = nextEvent(machine, driverIs('tally', 'up'));
    machine.kill('tally');
    await up;
    await machine.settled();
  };
  const told = 'supervisor: tally has died, whose symbols stillborn uses';

  test('are told in the log', async () => {
    await uses('tell');
    expect(supervisorSaid()).toEqual([told, 'supervisor: restarting tally (operator), restart 1']);
    expect(status('stillborn')).toMatchObject({ state: 'up', restarts: 0 });
  });

  test('are restarted behind it, by their policy; it is no death of their own', async () => {
    await uses('restart');
    expect(supervisorSaid()).toEqual([
      told,
      'supervisor: restarting stillborn (tally has died), restart 1',
      'supervisor: restarting tally (operator), restart 1',
    ]);
    expect(faults()).toEqual(['operator']);
    expect(status('stillborn')).toMatchObject({ state: 'up', restarts: 1 });
    const ups = events.flatMap((event) =>
      event.type === 'driver' && event.state === 'up' ? [event.module] : [],
    );
    expect(ups.slice(-2)).toEqual(['tally', 'stillborn']);
    expect(machine.check()).toEqual([]);
  });
});

describe('a thread that hangs while nobody waits for it', () => {
  test('is missed by its echo', async () => {
    const policies = new Map([['doomed', { restart: 'temporary' as const }]]);
    await boot({}, { deadlineMs: 500, policies });
    await machine.insmod(lab.drivers[0]!);
    const failed = nextEvent(machine, driverIs('doomed', 'failed'));
    await machine.insmod(doomed, 'end=4');
    await failed;
    expect(faults()).toEqual(['heartbeat']);
  });
});

describe('a recovery command', () => {
  const asked: RecoveryRequest[] = [];
  let answer: () => Promise<'restart' | 'give up'>;
  beforeEach(async () => {
    asked.length = 0;
    await boot(
      { command: 'look', backoff: NO_DELAY },
      { recover: (request) => (asked.push(request), answer()) },
    );
    await machine.insmod(doomed);
  });

  test('is told of driver, cause and incarnation, and decides', async () => {
    answer = async () => 'restart';
    const up = nextEvent(machine, driverIs('doomed', 'up'));
    await die(1);
    await up;
    answer = async () => 'give up';
    await die(3);
    await machine.settled();
    expect(asked).toEqual([
      { driver: 'doomed', cause: 'trap', incarnation: 1, command: 'look' },
      { driver: 'doomed', cause: 'exit', incarnation: 2, command: 'look' },
    ]);
    expect(status()).toMatchObject({ state: 'failed', restarts: 1 });
    expect(supervisorSaid().at(-1)).toBe('supervisor: giving doomed up: its recovery command says so');
  });

  test('that fails keeps nobody from being restarted', async () => {
    answer = () => Promise.reject(new Error('no disk'));
    await die(1);
    await machine.settled();
    expect(status()).toMatchObject({ state: 'up', restarts: 1 });
    expect(supervisorSaid()[0]).toBe('supervisor: the recovery command of doomed failed: no disk');
  });

  test('that never ends holds nobody up, and can be called off', async () => {
    answer = () => new Promise(() => {});
    const waiting = nextEvent(machine, driverIs('doomed', 'waiting'));
    await die(1);
    await waiting;
    await machine.insmod(lab.drivers[0]!);
    await machine.rmmod('doomed');
    await machine.settled();
    expect(asked).toHaveLength(1);
  });
});

describe('an end that somebody asks for', () => {
  test('an operator: the driver is replaced, and the log says who it was', async () => {
    await boot();
    await machine.insmod(doomed);
    const up = nextEvent(machine, driverIs('doomed', 'up'));
    machine.kill('doomed');
    await up;
    await machine.settled();
    expect(faults()).toEqual(['operator']);
    expect(supervisorSaid()).toEqual(['supervisor: restarting doomed (operator), restart 1']);
  });

  test('a client that complains: the log has its message, the driver is replaced', async () => {
    await boot();
    await machine.insmod(doomed);
    const client = await machine.attach();
    const fd = await client.open('/dev/doomed', O_RDWR);
    const up = nextEvent(machine, driverIs('doomed', 'up'));
    expect(await client.complain(fd, 'block 7 came back as\nblock 9')).toBe(0);
    await up;
    expect(faults()).toEqual(['complaint']);
    expect(log()).toContain('doomed: client 1 complains: block 7 came back as?block 9');
    expect(await client.complain(fd, 'again')).toBe(-EIO); // the driver was restarted
    expect(await client.complain(99, 'x')).toBe(-EBADF);
    expect(await client.complain(fd, 'x'.repeat(256))).toBe(-ENAMETOOLONG);
    await machine.settled();
    expect(status()).toMatchObject({ state: 'up', restarts: 1 });
  });
});
