// Calls of symbols between domains, the kernel's part, with every driver's side made by hand: who may call, who is answered
// when somebody dies, and that nobody who is innocent dies with him.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting, readModules } from '../../host/machine/inspect/lists.ts';
import {
  D_COPYING,
  GATE_MOST,
  GATE_PARAMETERS,
  GATE_SYMBOL,
  GRANT_READ,
  GRANT_WRITE,
  K_EXCUSES,
  K_GATE,
  K_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  Q_OPERATION,
  S_EXIT_NOTICE,
} from '../../kernel/abi/channel.ts';
import { EAGAIN, EDEADLK, EINVAL, EIO, ENOENT, ENOMEM, EPERM, ETIMEDOUT } from '../../kernel/abi/errno.ts';
import { LOAD_AGAIN } from '../../kernel/abi/module.ts';
import {
  CALL_GATE_BUFFER,
  CALL_SYMBOL,
  O_RDWR,
  OP_CLEANUP,
  OP_SYMBOL,
  SYS_DELETE_MODULE,
  SYS_OPEN,
  SYS_READ,
} from '../../kernel/abi/operation.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const LENGTH = GATE_PARAMETERS + 8;

let image: LoadedModule;
let kernel: TestKernel;
/** On a channel before and one behind its callers': deadlines are looked at in the order of the channels. */
let callee: HandmadeDriver;
let caller: HandmadeDriver;
let other: HandmadeDriver;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image, 20);
  callee = new HandmadeDriver(kernel, 4, 'callee');
  caller = new HandmadeDriver(kernel, 6, 'caller');
  other = new HandmadeDriver(kernel, 2, 'other');
  exports(callee, 'callee_act', 7);
  imports(caller, 'callee_act');
  imports(other, 'callee_act');
});

const text = (each: string): number => kernel.domain.text(each);
function exports(driver: HandmadeDriver, name: string, number: number): void {
  expect(kernel.exports.module_export(driver.mod, text(name), number, 0, 0)).toBe(0);
}
function imports(driver: HandmadeDriver, name: string): void {
  expect(kernel.exports.module_resolve(driver.mod, text(name), 0, 0)).toBeGreaterThanOrEqual(0);
}
/** Starts a call. @returns the answer, where it is there at once */
function calls(driver: HandmadeDriver, name = 'callee_act'): number | null {
  expect(driver.call(CALL_GATE_BUFFER, LENGTH)).toBeGreaterThan(0);
  return driver.call(CALL_SYMBOL, LENGTH, name);
}
const fenced = (driver: HandmadeDriver): boolean => driver.channel.get(K_GENERATION) !== driver.generation;
function dies(driver: HandmadeDriver): void {
  driver.channel.set(S_EXIT_NOTICE, driver.generation);
  kernel.exports.poll();
}
/** A request to a driver that is in flight. */
function asks(driver: string): HandmadeClient {
  const client = new HandmadeClient(kernel, 1);
  const from = driver === 'caller' ? caller : other;
  expect(client.call(SYS_OPEN, client.text(`/dev/${driver}`), O_RDWR)).toBe(null);
  from.reply(0);
  expect(client.call(SYS_READ, client.answer!, client.address, 8)).toBe(null);
  return client;
}
/** Lets time pass until the kernel has given somebody up. */
function overdue(): void {
  const complaints = kernel.complaints.length;
  const since = performance.now();
  while (kernel.complaints.length === complaints) {
    kernel.exports.wait_time();
    expect(performance.now() - since).toBeLessThan(2000);
  }
}

describe('a call', () => {
  test('goes to the owner with the number of the symbol, and grants the buffer', () => {
    const buffer = caller.call(CALL_GATE_BUFFER, LENGTH)!;
    expect(caller.call(CALL_SYMBOL, LENGTH, 'callee_act')).toBe(null);
    const { channel } = callee;
    expect(
      [Q_OPERATION, Q_GRANT_ADDRESS, Q_GRANT_LENGTH, Q_GRANT_RIGHTS].map((word) => channel.asked(word)),
    ).toEqual([OP_SYMBOL, buffer, LENGTH, GRANT_READ | GRANT_WRITE]);
    expect(kernel.words[(buffer + GATE_SYMBOL) >> 2]).toBe(7);
    expect(caller.channel.get(K_GATE)).toBe(1);
    callee.reply(0);
    expect(caller.answer).toBe(0);
    expect(caller.channel.get(K_GATE)).toBe(0);
    expect(caller.channel.get(K_EXCUSES)).toBe(0);
  });

  test('of several callers comes one after the other', () => {
    expect([calls(caller), calls(other)]).toEqual([null, null]);
    callee.reply(0);
    expect([caller.answer, other.answer]).toEqual([0, null]);
    callee.reply(-EINVAL);
    expect(other.answer).toBe(-EINVAL);
    expect(fenced(other)).toBe(false);
  });

  test('is refused to who has not imported a symbol of the owner', () => {
    const stranger = new HandmadeDriver(kernel, 8, 'stranger');
    expect(calls(stranger)).toBe(-EPERM);
    expect(stranger.channel.get(K_GATE)).toBe(0);
  });

  test('of the kernel’s own functions is none', () => {
    expect(calls(caller, 'kmalloc')).toBe(-ENOENT);
  });

  test('of one that is still to be loaded on the kernel’s thread, by one that would wait there', () => {
    const before = new HandmadeDriver(kernel, 10, 'late');
    const sandbox = new HandmadeDriver(kernel, 12, 'sandbox', 0, 0, true, true);
    exports(before, 'late_act', 1);
    for (const driver of [caller, sandbox]) imports(driver, 'late_act');
    dies(before);
    exports(new HandmadeDriver(kernel, 14, 'late', 0, LOAD_AGAIN, false, true), 'late_act', 1);
    expect([calls(sandbox, 'late_act'), calls(caller, 'late_act')]).toEqual([-EIO, null]);
  });

  test('of what nobody has is one of what nobody has any more', () => {
    expect(calls(caller, 'no_such_function')).toBe(-EIO);
  });

  test.each([0, -1, 3, LENGTH + 1, 0x7fffffff])('of a length of %d', (length) => {
    expect(caller.call(CALL_GATE_BUFFER, LENGTH)).toBeGreaterThan(0);
    expect(caller.call(CALL_SYMBOL, length, 'callee_act')).toBe(-EINVAL);
  });

  test('without a buffer', () => {
    expect(caller.call(CALL_SYMBOL, LENGTH, 'callee_act')).toBe(-EINVAL);
  });

  test.each([
    [0, -EINVAL],
    [-1, -EINVAL],
    [GATE_MOST + 1, -ENOMEM],
    [0x7fffffff, -ENOMEM],
  ])('a buffer of %d bytes', (length, status) => {
    expect(caller.call(CALL_GATE_BUFFER, length)).toBe(status);
  });

  test('in the middle of one is refused, and breaks no queue', () => {
    expect([calls(other), calls(caller)]).toEqual([null, null]); // the second waits
    for (let i = 0; i < 3; i++) expect(caller.call(CALL_SYMBOL, LENGTH, 'callee_act')).toBe(-EAGAIN);
    for (let i = 0; i < 3; i++) expect(other.call(CALL_SYMBOL, LENGTH, 'callee_act')).toBe(-EAGAIN);
    dies(callee); // walks through the queue
    expect(fenced(callee)).toBe(true);
    expect([caller, other].map(({ channel }) => channel.get(K_GATE))).toEqual([0, 0]);
    expect(kernel.check()).toEqual([]);
  });

  test('a buffer grows, and never while it is in use', () => {
    caller.call(CALL_GATE_BUFFER, 20000);
    const { bytesUsed } = readAccounting(kernel.memory);
    for (const length of [64, 10000, 20000]) caller.call(CALL_GATE_BUFFER, length);
    expect(readAccounting(kernel.memory).bytesUsed).toBe(bytesUsed);
    calls(caller);
    expect(caller.call(CALL_GATE_BUFFER, 40000)).toBe(-EAGAIN);
  });

  test('that would wait for itself, by whatever detour', () => {
    const third = new HandmadeDriver(kernel, 8, 'third');
    exports(caller, 'caller_back', 0);
    exports(third, 'third_act', 0);
    imports(callee, 'third_act');
    imports(third, 'caller_back');
    imports(third, 'callee_act');
    expect(calls(caller)).toBe(null);
    expect(calls(callee, 'third_act')).toBe(null);
    expect(calls(third, 'caller_back')).toBe(-EDEADLK);
    expect(calls(third)).toBe(-EDEADLK);
    expect(kernel.log().slice(-2)).toEqual([
      'third: calling caller_back of caller would be a deadlock',
      'third: calling callee_act of callee would be a deadlock',
    ]);
    third.reply(0);
    callee.reply(0);
    expect([callee.answer, caller.answer]).toEqual([0, 0]);
    expect([caller, callee, third].map(fenced)).toEqual([false, false, false]);
    exports(callee, 'callee_again', 1);
    expect(calls(third)).toBe(null);
  });
});

describe('the owner', () => {
  test.each(['caller', 'other'])('hangs: the one who called (%s) does not die with it', (name) => {
    const driver = name === 'caller' ? caller : other;
    const client = asks(name);
    expect(calls(driver)).toBe(null);
    overdue();
    expect(kernel.complaints.map(([channel]) => channel)).toEqual([4]);
    expect(driver.answer).toBe(-ETIMEDOUT);
    expect([fenced(callee), fenced(driver)]).toEqual([true, false]);
    expect(driver.channel.get(K_EXCUSES)).toBe(1);
    kernel.exports.wait_time();
    expect(client.answer).toBe(null);
    driver.reply(5);
    expect(client.answer).toBe(5);
  });

  test('hangs: the one who called has no more time than that', () => {
    const client = asks('other');
    expect(calls(other)).toBe(null);
    overdue();
    overdue();
    expect(kernel.complaints.map(([channel]) => channel)).toEqual([4, 2]);
    expect(client.answer).toBe(-ETIMEDOUT);
  });

  test('dies: everybody who waits is answered, and lives', () => {
    expect([calls(caller), calls(other)]).toEqual([null, null]);
    callee.channel.set(D_COPYING, 1);
    dies(callee);
    expect([caller.answer, other.answer]).toEqual([null, null]);
    callee.channel.set(D_COPYING, 0);
    kernel.exports.poll();
    expect([caller.answer, other.answer]).toEqual([-EIO, -EIO]);
    expect([fenced(caller), fenced(other)]).toEqual([false, false]);
    // It waits for its successor, which has its users.
    const orphan = readModules(kernel.memory).find(({ name }) => name === 'callee')!;
    expect(orphan).toMatchObject({ state: 3, references: 2 });
    expect(calls(caller)).toBe(-EIO);
    callee = new HandmadeDriver(kernel, 9, 'callee');
    expect(callee.mod).toBe(orphan.address);
    exports(callee, 'callee_act', 3);
    expect(calls(caller)).toBe(null);
    callee.reply(0);
    expect(caller.answer).toBe(0);
  });

  test('lies about the status: it dies, and its caller is answered', () => {
    expect(calls(caller)).toBe(null);
    callee.reply(1);
    expect(caller.answer).toBe(-EIO);
    expect([fenced(callee), fenced(caller)]).toEqual([true, false]);
  });

  test('is removed by force: who waits behind its cleanup is answered', () => {
    const client = new HandmadeClient(kernel, 1);
    expect(calls(caller)).toBe(null);
    expect(client.call(SYS_DELETE_MODULE, client.text('callee'), 0)).toBe(-EAGAIN);
    expect(client.call(SYS_DELETE_MODULE, client.text('callee'), 1)).toBe(null);
    expect(calls(other)).toBe(null);
    callee.reply(0);
    expect(caller.answer).toBe(0);
    expect(callee.channel.asked(Q_OPERATION)).toBe(OP_CLEANUP);
    callee.reply(0);
    expect(client.answer).toBe(0);
    expect(other.answer).toBe(-EIO);
    expect(callee.channel.asked(Q_OPERATION)).toBe(OP_CLEANUP);
    expect([fenced(callee), fenced(other), fenced(caller)]).toEqual([true, false, false]);
  });
});

describe('the caller dies while its call is under way', () => {
  test('the buffer stays the owner’s until its answer, then everything is given back', () => {
    const client = asks('caller');
    expect(calls(caller)).toBe(null);
    dies(caller);
    expect(client.answer).toBe(-EIO);
    expect(fenced(caller)).toBe(true);
    expect(caller.channel.get(K_GATE)).toBe(1);
    const left = readAccounting(kernel.memory);
    callee.reply(0);
    expect(caller.channel.get(K_GATE)).toBe(0);
    expect(left.bytesUsed - readAccounting(kernel.memory).bytesUsed).toBeGreaterThanOrEqual(LENGTH);
    expect(fenced(callee)).toBe(false);
    caller = new HandmadeDriver(kernel, 6, 'caller');
    imports(caller, 'callee_act');
    expect(calls(caller)).toBe(null);
    callee.reply(0);
    expect(caller.answer).toBe(0);
    expect(kernel.check()).toEqual([]);
  });

  test('and the owner dies too', () => {
    expect(calls(caller)).toBe(null);
    callee.channel.set(D_COPYING, 1);
    dies(caller);
    dies(callee);
    expect(caller.channel.get(K_GATE)).toBe(1);
    callee.channel.set(D_COPYING, 0);
    kernel.exports.poll();
    expect(caller.channel.get(K_GATE)).toBe(0);
    expect(readModules(kernel.memory).map(({ name }) => name)).toContain('callee'); // `other` uses it
    dies(other);
    expect(readModules(kernel.memory)).toEqual([]);
    expect(kernel.check()).toEqual([]);
  });

  test('and it was still in the queue', () => {
    expect([calls(other), calls(caller)]).toEqual([null, null]);
    dies(caller);
    callee.reply(0);
    expect(other.answer).toBe(0);
    callee.reply(0); // to nobody
    expect(caller.channel.get(K_GATE)).toBe(0);
    expect(fenced(callee)).toBe(false);
    expect(kernel.check()).toEqual([]);
  });
});
