// Requests that wait for the successor of a driver, with both drivers made by hand: what an idempotent device's clients see
// of a death, and what everybody sees of a replacement.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import {
  D_COPYING,
  D_GONE,
  Q_HANDLE,
  Q_MINOR,
  Q_OPERATION,
  Q_POSITION,
  S_STATE,
} from '../../kernel/abi/channel.ts';
import { readModules } from '../../host/machine/inspect/lists.ts';
import { EIO, ETIMEDOUT } from '../../kernel/abi/errno.ts';
import { FMODE_READ, FMODE_WRITE, FOP_IDEMPOTENT } from '../../kernel/abi/file.ts';
import {
  O_RDWR,
  OP_CLEANUP,
  OP_IOCTL,
  OP_LLSEEK,
  OP_OPEN,
  OP_READ,
  OP_RELEASE,
  OP_WRITE,
  SYS_CLOSE,
  SYS_IOCTL,
  SYS_LSEEK,
  SYS_OPEN,
  SYS_READ,
  SYS_REPLACE_MODULE,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { MOST_DEATHS } from '../../kernel/abi/limits.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const CHANNEL_FREE = 0;

let image: LoadedModule;
let kernel: TestKernel;
let driver: HandmadeDriver;
let client: HandmadeClient;
let other: HandmadeClient;
let fd: number;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});

function setUp(flags: number): void {
  kernel = new TestKernel(image, 50);
  driver = new HandmadeDriver(kernel, 5, 'made', flags);
  client = new HandmadeClient(kernel, 1);
  other = new HandmadeClient(kernel, 2);
  fd = open(client);
  open(other);
}

function open(by: HandmadeClient): number {
  by.call(SYS_OPEN, by.text('/dev/made'), O_RDWR);
  driver.reply(0);
  return by.answer!;
}

function dies(which = driver): void {
  which.channel.set(D_GONE, which.generation);
  kernel.exports.poll();
}

const successor = (index = 6): HandmadeDriver => new HandmadeDriver(kernel, index, 'made', FOP_IDEMPOTENT);

/** Lets a successor answer the opens of files that were open. @returns how many there were */
function reopens(next: HandmadeDriver): number {
  let count = 0;
  while (next.channel.asked(Q_OPERATION, count + 1) === OP_OPEN) {
    next.reply(0);
    count++;
  }
  return count;
}

describe('an idempotent device whose driver dies', () => {
  beforeEach(() => setUp(FOP_IDEMPOTENT));

  test('a read over which one after the other dies ends, and is asked no more: it may be what they die of', () => {
    expect(client.call(SYS_READ, fd, client.address, 16)).toBe(null);
    expect(other.call(SYS_READ, fd, other.address, 16)).toBe(null);
    let last = driver;
    for (let deaths = 1; deaths < MOST_DEATHS; deaths++) {
      dies(last);
      last = successor(deaths % 2 === 1 ? 6 : 5);
      reopens(last);
      expect([client.answer, other.answer]).toEqual([null, null]);
    }
    dies(last);
    expect(client.answer).toBe(-EIO);
    last = successor(last.channel === driver.channel ? 6 : 7);
    reopens(last);
    last.reply(16);
    expect(other.answer).toBe(16); // which was behind it
  });

  test('answers what was in flight through the successor, at the same place', () => {
    client.call(SYS_READ, fd, client.address, 64);
    driver.reply(64, { position: 64n });
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(null);
    expect(other.call(SYS_WRITE, 0, other.address, 8)).toBe(null);
    dies();
    expect([client.answer, other.answer]).toEqual([null, null]);
    const next = successor();
    expect(next.channel.asked(Q_OPERATION)).toBe(OP_OPEN);
    expect(next.channel.asked(Q_MINOR) & 0xff).toBe(FMODE_READ | FMODE_WRITE);
    expect(reopens(next)).toBe(2);
    expect([3, 4].map((i) => next.channel.asked(Q_OPERATION, i))).toEqual([OP_READ, OP_WRITE]);
    expect([3, 4].map((i) => next.channel.asked(Q_POSITION, i))).toEqual([64, 0]);
    expect(next.channel.asked(Q_HANDLE, 3)).toBe(0x1234);
    next.reply(60);
    next.reply(8);
    expect([client.answer, other.answer]).toEqual([60, 8]);
    expect(kernel.check()).toEqual([]);
  });

  test('has files that go on, and takes reads that come meanwhile', () => {
    dies();
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    const next = successor();
    reopens(next);
    next.reply(8);
    expect(client.answer).toBe(8);
    expect(client.call(SYS_IOCTL, fd, 1, 2)).toBe(null);
    next.reply(5);
    expect(client.answer).toBe(5);
    expect(client.call(SYS_CLOSE, fd)).toBe(null);
    next.reply(0);
    expect(client.answer).toBe(0);
  });

  test('answers EIO to what cannot be done twice', () => {
    expect(client.call(SYS_IOCTL, fd, 1, 2)).toBe(null);
    dies();
    expect(client.answer).toBe(-EIO);
    expect(client.call(SYS_IOCTL, fd, 1, 2)).toBe(-EIO);
  });

  test('takes a seek, which is the file’s', () => {
    dies();
    expect(client.call(SYS_LSEEK, fd, 512, 0)).toBe(null);
    const next = successor();
    reopens(next);
    expect(next.channel.asked(Q_OPERATION)).toBe(OP_LLSEEK);
    next.reply(512, { position: 512n });
    expect(client.answer).toBe(512);
  });

  test('a file that is closed while it is opened anew holds nobody', () => {
    dies();
    const next = successor();
    expect(next.channel.asked(Q_OPERATION)).toBe(OP_OPEN);
    expect(client.call(SYS_CLOSE, fd)).toBe(0);
    expect(reopens(next)).toBe(2);
    expect(other.call(SYS_CLOSE, 0)).toBe(null);
    next.reply(0);
    expect(readModules(kernel.memory)[0]!.references).toBe(0);
    expect(kernel.check()).toEqual([]);
  });

  test('is asked again only when no copy of the dead one is under way', () => {
    client.call(SYS_READ, fd, client.address, 64);
    driver.channel.set(D_COPYING, 1);
    dies();
    const next = successor();
    expect(reopens(next)).toBe(2);
    expect(next.channel.sent).toBe(2);
    driver.channel.set(D_COPYING, 0);
    kernel.exports.poll();
    expect(next.channel.asked(Q_OPERATION, 3)).toBe(OP_READ);
    next.reply(64);
    expect(client.answer).toBe(64);
  });

  test('a successor that dies over the opens leaves all to the next', () => {
    client.call(SYS_READ, fd, client.address, 64);
    dies();
    const second = successor();
    second.reply(0);
    dies(second);
    expect(client.answer).toBe(null);
    const third = successor(7);
    expect(reopens(third)).toBe(2);
    third.reply(64);
    expect(client.answer).toBe(64);
  });

  test('a successor that refuses a file leaves it stale', () => {
    client.call(SYS_READ, fd, client.address, 64);
    other.call(SYS_READ, 0, other.address, 64);
    dies();
    const next = successor();
    next.reply(-EIO);
    next.reply(0);
    expect(client.answer).toBe(-EIO);
    next.reply(64);
    expect(other.answer).toBe(64);
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(-EIO);
    expect(client.call(SYS_CLOSE, fd)).toBe(0);
  });

  test('lets nobody wait beyond the deadline', () => {
    client.call(SYS_READ, fd, client.address, 64);
    dies();
    const until = performance.now() + 5000;
    while (client.answer === null && performance.now() < until) kernel.exports.wait_time();
    expect(client.answer).toBe(-ETIMEDOUT);
  });

  test('lets nobody wait when the driver is given up', () => {
    client.call(SYS_READ, fd, client.address, 64);
    dies();
    kernel.exports.held_cancel(4);
    expect(client.answer).toBe(null);
    kernel.exports.held_cancel(5);
    expect(client.answer).toBe(-EIO);
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(-EIO);
  });
});

describe('a driver that is replaced', () => {
  beforeEach(() => setUp(0));
  const replace = (): number | null => other.call(SYS_REPLACE_MODULE, other.text('made'));

  test('answers what it has been asked, and its successor the rest', () => {
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(null);
    expect(replace()).toBe(null);
    driver.reply(64, { position: 64n });
    expect(client.answer).toBe(64);
    expect(client.call(SYS_WRITE, fd, client.address, 8)).toBe(null);
    expect(driver.channel.asked(Q_OPERATION)).toBe(OP_CLEANUP);
    driver.reply(0);
    expect(other.answer).toBe(0);
    expect(client.answer).toBe(null);
    driver.channel.set(S_STATE, CHANNEL_FREE);
    const next = new HandmadeDriver(kernel, 6, 'made');
    expect(reopens(next)).toBe(2);
    expect([Q_OPERATION, Q_POSITION].map((word) => next.channel.asked(word))).toEqual([OP_WRITE, 64]);
    next.reply(8);
    expect(client.answer).toBe(8);
    expect(client.call(SYS_IOCTL, fd, 1, 2)).toBe(null);
    next.reply(1);
    expect(client.answer).toBe(1);
    expect(kernel.check()).toEqual([]);
  });

  test.each([
    ['seek', SYS_LSEEK, OP_LLSEEK],
    ['ioctl', SYS_IOCTL, OP_IOCTL],
    ['close', SYS_CLOSE, OP_RELEASE],
  ] as const)('and gone: a %s waits for its successor', (_, call, operation) => {
    replace();
    driver.reply(0);
    expect(other.answer).toBe(0);
    expect(client.call(call, fd, 0, 0)).toBe(null);
    const next = new HandmadeDriver(kernel, 6, 'made');
    expect(reopens(next)).toBe(2);
    expect(next.channel.asked(Q_OPERATION)).toBe(operation);
    next.reply(0);
    expect(client.answer).toBe(0);
    expect(kernel.check()).toEqual([]);
  });

  test('and refuses to go serves on', () => {
    replace();
    expect(client.call(SYS_WRITE, fd, client.address, 8)).toBe(null);
    driver.reply(-EIO);
    expect(other.answer).toBe(-EIO);
    expect(driver.channel.asked(Q_OPERATION)).toBe(OP_WRITE);
    driver.reply(8);
    expect(client.answer).toBe(8);
  });
});
