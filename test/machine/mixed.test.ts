// Calls between drivers in different places: they go through gates, a module with imports that cannot is refused when it is loaded,
// and two drivers that call each other do not deadlock.

import { expect, test } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import type { Place } from '../../host/machine/shared/place.ts';
import type { Machine } from '../../host/machine/shared/types.ts';
import { processes } from '../../host/shell/processes.ts';
import { EDEADLK, EIO, ENOEXEC, ETIMEDOUT } from '../../kernel/abi/errno.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';
import { symbolless, weakly } from '../support/altered.ts';
import { loadFixture } from '../support/fixtures.ts';
import { bytes, driverIs, expectLine, nextEvent } from '../support/machine.ts';

/** ioctls of test/fixtures/symbols/caller.ts, and operations of its callee. */
const ACT = 6;
const CALL_BACK = 3;
const HANG = 2;
const [TIMED, TIMES, CHAIN, ECHO] = [10, 11, 12, 9];
const [SCALARS, MIX, SUM] = [1, 2, 3];

async function machineOf(
  places: Record<string, Place>,
  deadlineMs = 1500,
): Promise<[Machine, () => Promise<void>]> {
  const lab = await nodeLab();
  const machine = await lab.boot('microkernel', { places: new Map(Object.entries(places)), deadlineMs });
  return [
    machine,
    async () => {
      await machine.shutdown();
      await lab.close();
    },
  ];
}
/** It can be loaded before the drivers that it calls back. */
const callee = async (): Promise<LoadedModule> => weakly(await loadFixture('callee'), 'caller_back');
const logOf = (machine: Machine): string[] => machine.dmesg().records.map(({ text }) => text);

/** The callee finds its callers' symbols only when it is loaded after them. */
async function crosswise(machine: Machine): Promise<void> {
  await machine.insmod(await callee());
  await machine.insmod(await loadFixture('caller'));
  const up = nextEvent(machine, driverIs('callee', 'up'));
  machine.kill('callee');
  await up;
  await machine.settled();
}

const ISOLATED: Place[] = ['worker', 'sandbox', 'pool:one'];

for (const owner of ISOLATED) {
  for (const user of ISOLATED) {
    test(`a driver in ${user} calls one in ${owner}`, async () => {
      const [machine, end] = await machineOf({ callee: owner, caller: user });
      await machine.insmod(await callee());
      await machine.insmod(await loadFixture('caller'));
      const fd = await machine.console.open('/dev/caller', O_RDWR);
      expect(await machine.console.ioctl(fd, SCALARS, 0)).toBe(0);
      expect(await machine.console.ioctl(fd, MIX, 1000)).toBe(1000);
      expect(await machine.console.ioctl(fd, SUM, 8)).toBe(0);
      expect(machine.check()).toEqual([]);
      await end();
    });
  }
}

for (const [owner, user] of [
  ['worker', 'kernel'],
  ['sandbox', 'kernel'],
  ['kernel', 'worker'],
  ['kernel', 'sandbox'],
] as const) {
  test(`a module in ${user} is refused that imports a function of one in ${owner}`, async () => {
    const [machine, end] = await machineOf({ callee: owner, caller: user });
    await machine.insmod(await callee());
    await expect(machine.insmod(await loadFixture('caller'))).rejects.toMatchObject({ errno: ENOEXEC });
    expectLine(logOf(machine), /^caller: function callee_\w+ of callee cannot cross domains$/);
    expect(machine.check()).toEqual([]);
    await end();
  });
}

for (const place of ['sandbox', 'worker'] as const) {
  test(`a cycle of two in ${place}: EDEADLK, and nobody dies`, async () => {
    const [machine, end] = await machineOf({ callee: place, caller: place });
    await crosswise(machine);
    const fd = await machine.console.open('/dev/caller', O_RDWR);
    expect(await machine.console.ioctl(fd, ACT, CALL_BACK)).toBe(-EDEADLK);
    expectLine(logOf(machine), 'callee: calling caller_back of caller would be a deadlock');
    await end();
  });
}

test.each(['worker', 'sandbox'] as const)(
  'a timer of a driver in a %s waits for another: nobody gets in',
  async (place) => {
    const [machine, end] = await machineOf({ callee: 'worker', caller: place }, 500);
    await crosswise(machine);
    const client = await machine.attach();
    const fd = await client.open('/dev/caller', O_RDWR);
    expect(await client.ioctl(fd, TIMED, HANG)).toBe(0);
    let times = 0;
    while (times === 0) times = await client.ioctl(fd, TIMES, 0);
    expect(times).toBe(1);
    await machine.settled();
    expect(machine.status().drivers.map(({ name, restarts }) => [name, restarts])).toEqual([
      ['callee', 2],
      ['caller', 0],
    ]);
    await end();
  },
);

test.each([
  ['worker', -ETIMEDOUT, -EIO],
  ['sandbox', -EIO, -ETIMEDOUT],
] as const)(
  'a driver in a %s that waits again and again: nobody waits for ever',
  async (place, first, next) => {
    const [machine, end] = await machineOf({ callee: 'worker', caller: place }, 500);
    await crosswise(machine);
    const [client, other] = [await machine.attach(), await machine.attach()];
    const [fd, behind] = [await client.open('/dev/caller', O_RDWR), await other.open('/dev/caller', O_RDWR)];
    const chain = client.ioctl(fd, CHAIN, 1000);
    const since = performance.now();
    let answer = 5;
    while (answer === 5) answer = await other.ioctl(behind, ECHO, 5); // until this call waits behind the other one
    expect(answer).toBe(next);
    expect(await chain).toBe(first);
    expect(performance.now() - since).toBeLessThan(20_000);
    await machine.settled();
    expect(machine.status().drivers.map(({ name, restarts }) => [name, restarts])).toEqual([
      ['callee', 1],
      ['caller', 1],
    ]);
    expect(machine.status()).toMatchObject({ boot: 1, taint: '' });
    await end();
  },
);

test('a detour back into a pool whose thread waits: EDEADLK, and nobody dies', async () => {
  const [machine, end] = await machineOf({ caller: 'pool:one', second: 'pool:one', callee: 'worker' });
  await crosswise(machine);
  const caller = symbolless(await loadFixture('caller'));
  await machine.insmod({ ...caller, name: 'second' }, 'device=second');
  const fd = await machine.console.open('/dev/second', O_RDWR);
  expect(await machine.console.ioctl(fd, ACT, CALL_BACK)).toBe(-EDEADLK);
  expect(machine.status().drivers.map(({ name, restarts }) => [name, restarts])).toEqual([
    ...[
      ['callee', 1],
      ['caller', 0],
      ['second', 0],
    ],
  ]);
  await end();
});

test('an oops in a pool is on the thread of the pool, whichever of its drivers trapped', async () => {
  const lab = await nodeLab();
  const machine = await lab.boot('pooled');
  for (const driver of lab.drivers) await machine.insmod(driver);
  const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
  expect(await machine.console.write(fd, bytes('BUG'))).toBe(-EIO);
  await machine.settled();
  const pids = processes(machine).map(({ pid }) => pid);
  expect(pids).toEqual([1, 2, 2, 2, 2]);
  // The pool's channel is the second: the first is that of the driver for which it was opened.
  expectLine(logOf(machine), /^CPU: 2 PID: 2 Comm: lkdtm /);
  await machine.shutdown();
  await lab.close();
});
