// Several requests in flight at once: batches, vectors and positioned calls, with the driver's side made by hand.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import {
  ENTRY_BUFFER,
  ENTRY_CALL,
  ENTRY_FD,
  ENTRY_LENGTH,
  ENTRY_OFFSET,
  ENTRY_RESULT,
  ENTRY_SIZE,
  IOV_SIZE,
} from '../../kernel/abi/batch.ts';
import {
  D_GONE,
  GRANT_READ,
  GRANT_WRITE,
  Q_ARGUMENT0,
  Q_GRANT_ADDRESS,
  Q_GRANT_RIGHTS,
  Q_OPERATION,
  Q_POSITION,
  RING_SLOTS,
} from '../../kernel/abi/channel.ts';
import { EBADF, EFAULT, EINVAL, EIO } from '../../kernel/abi/errno.ts';
import { BATCH_MAX } from '../../kernel/abi/limits.ts';
import { M_CALL_CLIENT } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';
import {
  O_RDONLY,
  O_RDWR,
  OP_READ,
  OP_WRITE,
  PARKED,
  SEEK_CUR,
  SYS_LSEEK,
  SYS_OPEN,
  SYS_PREAD,
  SYS_PWRITE,
  SYS_READ,
  SYS_READV,
  SYS_SUBMIT,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

/** Where the list lies in the client's memory; buffers begin at its start. */
const LIST = 0x8000;

let image: LoadedModule;
let kernel: TestKernel;
let driver: HandmadeDriver;
let client: HandmadeClient;
let fd: number;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image, 20);
  driver = new HandmadeDriver(kernel, 5, 'made');
  client = new HandmadeClient(kernel, 1);
  client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR);
  driver.reply(0);
  fd = client.answer!;
});

interface Entry {
  call?: number;
  fd?: number;
  offset?: number;
  length?: number;
  buffer?: number;
}

const view = (): DataView => new DataView(kernel.memory.buffer);

function entries(...list: Entry[]): number {
  const at = client.address + LIST;
  list.forEach((entry, i) => {
    const to = at + i * ENTRY_SIZE;
    view().setInt32(to + ENTRY_CALL, entry.call ?? SYS_READ, true);
    view().setInt32(to + ENTRY_FD, entry.fd ?? fd, true);
    view().setInt32(to + ENTRY_BUFFER, entry.buffer ?? client.address + i * 64, true);
    view().setInt32(to + ENTRY_LENGTH, entry.length ?? 64, true);
    view().setBigInt64(to + ENTRY_OFFSET, BigInt(entry.offset ?? i * 64), true);
    view().setInt32(to + ENTRY_RESULT, 12345, true);
  });
  return at;
}

const results = (count: number): number[] =>
  Array.from({ length: count }, (_, i) =>
    view().getInt32(client.address + LIST + i * ENTRY_SIZE + ENTRY_RESULT, true),
  );

function vector(...lengths: number[]): number {
  const at = client.address + LIST;
  lengths.forEach((length, i) => {
    view().setInt32(at + i * IOV_SIZE, client.address + i * 256, true);
    view().setInt32(at + i * IOV_SIZE + 4, length, true);
  });
  return at;
}

describe('a batch', () => {
  test('is in flight as a whole; answers may come in any order', () => {
    const before = driver.channel.sent;
    expect(client.call(SYS_SUBMIT, entries({}, { call: SYS_WRITE }, {}), 3)).toBe(null);
    expect(driver.channel.sent).toBe(before + 3);
    const asked = (word: number): number[] => [1, 2, 3].map((i) => driver.channel.asked(word, before + i));
    expect(asked(Q_OPERATION)).toEqual([OP_READ, OP_WRITE, OP_READ]);
    expect(asked(Q_GRANT_RIGHTS)).toEqual([GRANT_WRITE, GRANT_READ, GRANT_WRITE]);
    expect(asked(Q_GRANT_ADDRESS)).toEqual([0, 64, 128].map((at) => client.address + at));
    expect(asked(Q_POSITION)).toEqual([0, 64, 128]);
    driver.reply(64, { tag: before + 3 });
    driver.reply(10, { tag: before + 1 });
    expect(client.answer).toBe(null);
    driver.reply(-EIO, { tag: before + 2 });
    expect(client.answer).toBe(3);
    expect(results(3)).toEqual([10, -EIO, 64]);
  });

  test('of a client that was ended is not taken for what is asked of a driver on its behalf', () => {
    client.call(SYS_SUBMIT, entries({}, {}), 2);
    kernel.words[(MACHINE_BASE + M_CALL_CLIENT) >> 2] = 2;
    expect(kernel.exports.kill_current()).toBe(1);
    expect(kernel.exports.reap(1)).toBe(PARKED);
    driver.reply(64);
    driver.reply(64);
    expect(client.answer).toBe(-EIO);
    driver.reply(0);
    expect(kernel.exports.reap(1)).toBe(0);
    expect(client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR)).toBe(null);
  });

  test('leaves the file’s position alone', () => {
    client.call(SYS_SUBMIT, entries({ offset: 500 }), 1);
    driver.reply(64, { position: 564n });
    expect(client.answer).toBe(1);
    client.call(SYS_READ, fd, client.address, 8);
    expect(driver.channel.asked(Q_POSITION)).toBe(0);
  });

  test('tells of each entry what is wrong with it, and does the others', () => {
    const list = entries(
      { call: SYS_OPEN },
      { fd: 9 },
      { buffer: client.address - 1 },
      { length: -1 },
      { offset: -1 },
      {},
      { call: 0x7fffffff },
    );
    expect(client.call(SYS_SUBMIT, list, 7)).toBe(null);
    driver.reply(64);
    expect(client.answer).toBe(7);
    expect(results(7)).toEqual([-EINVAL, -EBADF, -EFAULT, -EINVAL, -EINVAL, 64, -EINVAL]);
  });

  test('of nothing, of too many, or of nowhere', () => {
    expect(client.call(SYS_SUBMIT, entries(), 0)).toBe(0);
    expect(client.call(SYS_SUBMIT, entries(), BATCH_MAX + 1)).toBe(-EINVAL);
    expect(client.call(SYS_SUBMIT, entries(), -1)).toBe(-EINVAL);
    expect(client.call(SYS_SUBMIT, 0, 1)).toBe(-EFAULT);
    expect(client.call(SYS_SUBMIT, client.address - ENTRY_SIZE, 2)).toBe(-EFAULT);
  });

  test('of a file that may only be read refuses to write', () => {
    client.call(SYS_OPEN, client.text('/dev/made'), O_RDONLY);
    driver.reply(0);
    const reader = client.answer!;
    expect(client.call(SYS_SUBMIT, entries({ fd: reader, call: SYS_WRITE }), 1)).toBe(1);
    expect(results(1)).toEqual([-EBADF]);
  });

  test('of more than the ring holds, by several clients, all get through in turn', () => {
    const clients = [client, ...[2, 3, 4].map((index) => new HandmadeClient(kernel, index))];
    const fds = clients.map((each) => {
      if (each === client) return fd;
      each.call(SYS_OPEN, each.text('/dev/made'), O_RDWR);
      driver.reply(0);
      return each.answer!;
    });
    const first = client;
    for (const [i, each] of clients.entries()) {
      client = each;
      const list = entries(...Array.from({ length: BATCH_MAX }, () => ({ fd: fds[i]! })));
      expect(each.call(SYS_SUBMIT, list, BATCH_MAX)).toBe(null);
    }
    client = first;
    for (let answered = 0; answered < 4 * BATCH_MAX; answered++) driver.reply(64);
    expect(clients.map(({ answer }) => answer)).toEqual([1, 1, 1, 1].map(() => BATCH_MAX));
    expect(4 * BATCH_MAX).toBeGreaterThan(RING_SLOTS);
    expect(kernel.check()).toEqual([]);
  });

  test('ends for everybody when the driver dies', () => {
    client.call(SYS_SUBMIT, entries({}, {}, {}), 3);
    driver.reply(64);
    driver.channel.set(D_GONE, driver.generation);
    kernel.exports.poll();
    expect(client.answer).toBe(3);
    expect(results(3)).toEqual([64, -EIO, -EIO]);
  });
});

describe('a vector', () => {
  test('reads at the file’s position and moves it', () => {
    client.call(SYS_READ, fd, client.address, 100);
    driver.reply(100, { position: 100n });
    const before = driver.channel.sent;
    expect(client.call(SYS_READV, fd, vector(10, 0, 20), 3)).toBe(null);
    const places = [1, 2, 3].map((i) => driver.channel.asked(Q_POSITION, before + i));
    expect(places).toEqual([100, 110, 110]);
    for (const length of [10, 0, 20]) driver.reply(length);
    expect(client.answer).toBe(30);
    client.call(SYS_LSEEK, fd, 0, SEEK_CUR);
    expect(driver.channel.asked(Q_POSITION)).toBe(130);
  });

  test('ends where one falls short', () => {
    client.call(SYS_READV, fd, vector(10, 10, 10), 3);
    for (const length of [10, 4, 10]) driver.reply(length);
    expect(client.answer).toBe(14);
    client.call(SYS_READV, fd, vector(10, 10), 2);
    driver.reply(-EIO);
    driver.reply(10);
    expect(client.answer).toBe(-EIO);
    client.call(SYS_READV, fd, vector(10, 10), 2);
    driver.reply(10);
    driver.reply(-EIO);
    expect(client.answer).toBe(10);
  });

  test('of a file that is not open', () => {
    expect(client.call(SYS_READV, 9, vector(10), 1)).toBe(-EBADF);
  });
});

describe('a positioned call', () => {
  test('reads and writes where it says, and leaves the file’s position alone', () => {
    expect(client.call(SYS_PREAD, fd, client.address, 16, 700)).toBe(null);
    expect([Q_OPERATION, Q_ARGUMENT0, Q_POSITION].map((word) => driver.channel.asked(word))).toEqual([
      OP_READ,
      16,
      700,
    ]);
    driver.reply(16, { position: 716n });
    expect(client.answer).toBe(16);
    client.call(SYS_PWRITE, fd, client.address, 16, 800);
    expect([Q_OPERATION, Q_POSITION].map((word) => driver.channel.asked(word))).toEqual([OP_WRITE, 800]);
    driver.reply(16, { position: 816n });
    client.call(SYS_READ, fd, client.address, 8);
    expect(driver.channel.asked(Q_POSITION)).toBe(0);
  });

  test('before the beginning is EINVAL', () => {
    expect(client.call(SYS_PREAD, fd, client.address, 16, -1)).toBe(-EINVAL);
  });
});
