// The kernel's side of a channel, with the driver's side made by hand: what a forged, late or stale message does. Nothing
// that a driver writes may end in anything but the caller's errno and the driver's death.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readDevices, readModules } from '../../host/machine/inspect/lists.ts';
import {
  D_COPYING,
  D_GONE,
  D_HEART,
  GRANT_READ,
  GRANT_WRITE,
  K_GENERATION,
  Q_ARGUMENT0,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  Q_HANDLE,
  Q_OPERATION,
  Q_POSITION,
  S_EXIT_NOTICE,
  CHANNEL_DATA_SIZE,
} from '../../kernel/abi/channel.ts';
import {
  EBUSY,
  EFAULT,
  EINVAL,
  EIO,
  ENAMETOOLONG,
  ENFILE,
  ENOENT,
  ENOSYS,
  ENXIO,
  ETIMEDOUT,
} from '../../kernel/abi/errno.ts';
import { ENDPOINT_NONE } from '../../kernel/abi/file.ts';
import { MAX_FDS, MAX_FILES } from '../../kernel/abi/limits.ts';
import { USER_BASE, USER_SIZE } from '../../kernel/abi/map.ts';
import {
  CALL_LOG,
  CALL_MODULE_LIVE,
  CALL_REGISTER_CHRDEV,
  CALL_SYMBOL,
  CALL_UNREGISTER_CHRDEV,
  COMPLAINT_DEADLINE,
  COMPLAINT_PROTOCOL,
  O_RDONLY,
  O_RDWR,
  OP_CLEANUP,
  OP_OPEN,
  OP_READ,
  OP_WRITE,
  SYS_CLOSE,
  SYS_DELETE_MODULE,
  SYS_LSEEK,
  SYS_OPEN,
  SYS_READ,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { LOAD_INTREE } from '../../kernel/abi/module.ts';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

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
  expect(client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR)).toBe(null);
  driver.reply(0);
  fd = client.answer!;
  expect(fd).toBe(0);
});

const fenced = (): boolean => driver.channel.get(K_GENERATION) !== driver.generation;

describe('a request', () => {
  test('carries the grant of exactly what was asked for', () => {
    expect(client.call(SYS_READ, fd, client.address + 100, 64)).toBe(null);
    const words = [
      Q_GENERATION,
      Q_OPERATION,
      Q_HANDLE,
      Q_GRANT_ADDRESS,
      Q_GRANT_LENGTH,
      Q_GRANT_RIGHTS,
      Q_ARGUMENT0,
    ];
    expect(words.map((word) => driver.channel.asked(word))).toEqual([
      ...[driver.generation, OP_READ, 0x1234, client.address + 100, 64, GRANT_WRITE, 64],
    ]);
    driver.reply(10, { position: 10n });
    expect(client.answer).toBe(10);
    expect(client.call(SYS_WRITE, fd, client.address, 32)).toBe(null);
    expect([Q_OPERATION, Q_GRANT_RIGHTS, Q_POSITION].map((word) => driver.channel.asked(word))).toEqual([
      OP_WRITE,
      GRANT_READ,
      10,
    ]);
    driver.reply(32);
    expect(client.answer).toBe(32);
  });

  test('with an address that is not the client’s own is EFAULT and never sent', () => {
    const { sent } = driver.channel;
    for (const [address, count] of [
      [0, 4],
      [client.address - 1, 2],
      [client.address + USER_SIZE - 3, 4],
      [client.address + USER_SIZE, 1],
      [USER_BASE, 1], // another client's
      [-4, 8],
      [client.address, USER_SIZE + 1],
    ] as const) {
      expect(client.call(SYS_READ, fd, address, count)).toBe(-EFAULT);
      expect(client.call(SYS_WRITE, fd, address, count)).toBe(-EFAULT);
    }
    expect(client.call(SYS_OPEN, USER_BASE, O_RDONLY)).toBe(-EFAULT);
    expect(client.call(SYS_OPEN, client.address + USER_SIZE, O_RDONLY)).toBe(-EFAULT);
    expect(client.call(SYS_READ, fd, client.address, -1)).toBe(-EINVAL);
    expect(driver.channel.sent).toBe(sent);
  });

  test('that is no system call is ENOSYS', () => {
    for (const number of [0, 99, -1, 0x7fffffff]) expect(client.call(number)).toBe(-ENOSYS);
  });

  test('waits its turn; the answers come in order', () => {
    const others = [2, 3, 4].map((index) => new HandmadeClient(kernel, index));
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    for (const other of others) expect(other.call(SYS_OPEN, other.text('/dev/made'), O_RDONLY)).toBe(null);
    driver.reply(8);
    expect([client, ...others].map(({ answer }) => answer)).toEqual([8, null, null, null]);
    for (const other of others) {
      expect(driver.channel.asked(Q_OPERATION)).toBe(OP_OPEN);
      driver.reply(0);
      expect(other.answer).toBe(0);
    }
  });

  test(`files of all clients are ${MAX_FILES}`, () => {
    const clients = Array.from({ length: 9 }, (_, i) => new HandmadeClient(kernel, i + 2));
    const opened = clients.map((each) => {
      let count = 0;
      for (; count < MAX_FDS; count++) {
        if (each.call(SYS_OPEN, each.text('/dev/made'), O_RDONLY) !== null) break;
        driver.reply(0);
        expect(each.answer).toBe(count);
      }
      return count;
    });
    expect(opened.reduce((sum, count) => sum + count, 1)).toBe(MAX_FILES);
    expect(clients.at(-1).answer).toBe(-ENFILE);
    expect(kernel.check()).toEqual([]);
  });
});

describe('a reply', () => {
  test.each([
    ['more bytes than were asked for', 65, {}],
    ['far more', 0x7fffffff, {}],
    ['an unknown status', -4096, {}],
    ['the least status', -0x80000000, {}],
    ['a position before the beginning', 8, { position: -1n }],
    ['another generation', 8, { generation: 99 }],
  ])('with %s is a protocol error', (_, status, forged) => {
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(null);
    driver.reply(status, forged);
    expect(client.answer).toBe(-EIO);
    expect(fenced()).toBe(true);
    expect(kernel.complaints).toEqual([[5, driver.generation, COMPLAINT_PROTOCOL]]);
    expect(kernel.log().some((line) => line.startsWith('made: bad reply'))).toBe(true);
    expect(kernel.log()).toContain('made: driver died, generation 1');
    expect(readModules(kernel.memory)).toEqual([]);
    expect(kernel.check()).toEqual([]);
  });

  test.each([1, -5, 4096, 0x7fffffff])('to open with status %i: at most 0', (status) => {
    const other = new HandmadeClient(kernel, 2);
    expect(other.call(SYS_OPEN, other.text('/dev/made'), O_RDONLY)).toBe(null);
    driver.reply(status);
    expect(other.answer).toBe(status === -5 ? -5 : -EIO);
    expect(fenced()).toBe(status !== -5);
  });

  test.each([64, 0, -1, -4095])('with status %i is the answer', (status) => {
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(null);
    driver.reply(status);
    expect(client.answer).toBe(status);
    expect(fenced()).toBe(false);
  });

  test.each([-2, -1, 1, 64, -64])('to another request (%i further) gives the driver up', (off) => {
    expect(client.call(SYS_READ, fd, client.address, 64)).toBe(null);
    driver.reply(9, { tag: driver.channel.sent + off });
    expect(client.answer).toBe(-EIO);
    expect(fenced()).toBe(true);
    expect(kernel.complaints).toEqual([[5, driver.generation, COMPLAINT_PROTOCOL]]);
    expect(kernel.log().join('\n')).toContain('made: bad reply: nobody waits for it, status 9');
  });

  test('that nobody waits for changes nothing', () => {
    const before = kernel.snapshot();
    driver.reply(64);
    driver.reply(-77777);
    expect(fenced()).toBe(false);
    expect(kernel.snapshot()).toEqual(before);
  });
});

describe('a driver that is given up', () => {
  const word = { 'by its own word': D_GONE, 'by the supervisor': S_EXIT_NOTICE };
  test.each(Object.entries(word))(
    '%s: callers are answered, the device waits for a successor',
    (_, offset) => {
      const other = new HandmadeClient(kernel, 2);
      expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
      expect(other.call(SYS_OPEN, other.text('/dev/made'), O_RDONLY)).toBe(null);
      driver.channel.set(offset, driver.generation);
      kernel.exports.poll();
      expect([client.answer, other.answer]).toEqual([-EIO, -EIO]);
      expect(fenced()).toBe(true);
      expect(kernel.complaints).toEqual([]);
      expect(readDevices(kernel.memory)).toMatchObject([
        { name: 'made', endpoint: ENDPOINT_NONE, module: 0 },
      ]);
      expect(other.call(SYS_OPEN, other.text('/dev/made'), O_RDONLY)).toBe(-ENXIO);
      // The old file is stale, a successor has new ones.
      expect(client.call(SYS_READ, fd, client.address, 8)).toBe(-EIO);
      const next = new HandmadeDriver(kernel, 6, 'made');
      expect(client.call(SYS_READ, fd, client.address, 8)).toBe(-EIO);
      expect(client.call(SYS_LSEEK, fd, 0, 0)).toBe(-EIO);
      expect(client.call(SYS_CLOSE, fd)).toBe(0);
      expect(client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR)).toBe(null);
      next.reply(0);
      expect(client.answer).toBe(0);
      expect(readModules(kernel.memory)[0]?.references).toBe(1);
    },
  );

  test('of another generation: an old exit notice is not the present driver’s', () => {
    driver.channel.set(D_GONE, driver.generation - 1);
    driver.channel.set(S_EXIT_NOTICE, driver.generation + 1);
    kernel.exports.poll();
    expect(fenced()).toBe(false);
  });

  test('its late messages reach nobody', () => {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    driver.channel.set(D_GONE, driver.generation);
    kernel.exports.poll();
    expect(client.answer).toBe(-EIO);
    const before = kernel.snapshot();
    driver.reply(8);
    expect(driver.call(CALL_REGISTER_CHRDEV, 0, 'late')).toBe(null);
    expect(driver.call(CALL_LOG, 3, 'late')).toBe(null);
    expect(client.answer).toBe(-EIO);
    expect(kernel.snapshot()).toEqual(before);
    expect(kernel.log()).not.toContain('late');
  });

  test('in the middle of a copy: nobody is answered before that has ended', () => {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    driver.channel.set(D_COPYING, 1);
    driver.channel.set(D_GONE, driver.generation);
    kernel.exports.poll();
    expect(fenced()).toBe(true);
    expect(client.answer).toBe(null);
    driver.channel.set(D_COPYING, 0);
    kernel.exports.poll();
    expect(client.answer).toBe(-EIO);
  });

  test('whose heart has beaten at the beginning alone has no more time than others', () => {
    kernel = new TestKernel(image, 400);
    driver = new HandmadeDriver(kernel, 5, 'made');
    client = new HandmadeClient(kernel, 1);
    expect(client.call(SYS_OPEN, client.text('/dev/made'), O_RDWR)).toBe(null);
    const since = performance.now();
    kernel.exports.wait_time(); // the first look
    driver.channel.set(D_HEART, driver.channel.get(D_HEART) + 1);
    while (client.answer === null) {
      kernel.exports.wait_time();
      kernel.exports.poll();
      expect(performance.now() - since).toBeLessThan(700);
    }
    expect(client.answer).toBe(-ETIMEDOUT);
    expect(performance.now() - since).toBeGreaterThan(350);
  });

  test('that does not answer in time: ETIMEDOUT for its caller, an errno for those behind', () => {
    const other = new HandmadeClient(kernel, 2);
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    expect(other.call(SYS_OPEN, other.text('/dev/made'), O_RDONLY)).toBe(null);
    const since = performance.now();
    while (kernel.exports.wait_time() < 1e9) expect(performance.now() - since).toBeLessThan(2000);
    expect(performance.now() - since).toBeGreaterThan(10);
    expect(client.answer).toBe(-ETIMEDOUT);
    expect([-EIO, -ETIMEDOUT]).toContain(other.answer);
    expect(kernel.complaints).toEqual([[5, driver.generation, COMPLAINT_DEADLINE]]);
    expect(kernel.log().some((line) => /^made: no reply to operation 3 in \d+ ms$/.test(line))).toBe(true);
  });
});

describe('a call by a driver', () => {
  test.each([
    ['of another generation is not answered', CALL_LOG, { generation: 7 }, null],
    ['with more data than there is room', CALL_LOG, { length: CHANNEL_DATA_SIZE + 1 }, -EINVAL],
    ['with a length that is negative', CALL_LOG, { length: -1 }, -EINVAL],
    ['that no kernel has', 99, {}, -ENOSYS],
    ['to be live again', CALL_MODULE_LIVE, {}, -EINVAL],
    ['of a symbol without a gate buffer', CALL_SYMBOL, {}, -EINVAL],
  ])('%s', (_, operation, forged, answer) => {
    const before = kernel.snapshot();
    const status = driver.call(operation, 3, 'text', forged);
    expect(status).toBe(answer);
    expect(kernel.snapshot()).toEqual(before);
    expect(kernel.check()).toEqual([]);
  });

  test('cannot register a bad device, nor take away another’s', () => {
    const rival = new HandmadeDriver(kernel, 6, 'rival');
    const major = readDevices(kernel.memory).find(({ name }) => name === 'made')!.major;
    const before = kernel.snapshot();
    expect(rival.call(CALL_REGISTER_CHRDEV, 0, 'made')).toBe(-EBUSY);
    expect(rival.call(CALL_REGISTER_CHRDEV, major, 'other')).toBe(-EBUSY);
    expect(rival.call(CALL_REGISTER_CHRDEV, 512, 'other')).toBe(-EINVAL);
    expect(rival.call(CALL_REGISTER_CHRDEV, 0, '')).toBe(-EINVAL);
    expect(rival.call(CALL_REGISTER_CHRDEV, 0, 'x'.repeat(56))).toBe(-ENAMETOOLONG);
    expect(rival.call(CALL_UNREGISTER_CHRDEV, major)).toBe(-ENOENT);
    expect(rival.call(CALL_UNREGISTER_CHRDEV, 0)).toBe(-ENOENT);
    expect(kernel.snapshot()).toEqual(before);
  });

  test('with a text that does not end is cut', () => {
    expect(driver.call(CALL_LOG, 6, 'x'.repeat(CHANNEL_DATA_SIZE))).toBe(0);
    expect(kernel.log().at(-1)).toBe('x'.repeat(236));
    expect(kernel.check()).toEqual([]);
  });
});

test.each([
  ['after rmmod -f', 1],
  ['after an rmmod that fails', 0],
])('who waits behind the cleanup is answered: %s', (_, force) => {
  const [remover, second] = [new HandmadeClient(kernel, 2), new HandmadeClient(kernel, 3)];
  if (!force) {
    // Begun while the file was not open yet.
    client.call(SYS_CLOSE, fd);
    driver.reply(0);
  }
  expect(remover.call(SYS_DELETE_MODULE, remover.text('made'), force)).toBe(null);
  expect(driver.channel.asked(Q_OPERATION)).toBe(OP_CLEANUP);
  if (force) {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    driver.reply(0);
    expect(remover.answer).toBe(0);
    expect(client.answer).toBe(-EIO);
    expect(driver.channel.asked(Q_OPERATION)).toBe(OP_CLEANUP); // nothing more was sent
    expect(client.call(SYS_CLOSE, fd)).toBe(0);
    expect(readModules(kernel.memory)).toEqual([]);
  } else {
    expect(second.call(SYS_OPEN, second.text('/dev/made'), O_RDWR)).toBe(-ENXIO);
    driver.reply(-EBUSY);
    expect(remover.answer).toBe(-EBUSY);
    expect(second.call(SYS_OPEN, second.text('/dev/made'), O_RDWR)).toBe(null);
    driver.reply(0);
    expect(second.answer).toBe(0);
  }
  expect(kernel.check()).toEqual([]);
});

test('a module is not announced behind an endpoint that is dead already', () => {
  const late = new HandmadeDriver(kernel, 9, 'late');
  late.channel.set(D_GONE, late.generation);
  kernel.exports.poll();
  const { exports, domain } = kernel;
  const text = (each: string): number => domain.text(each);
  const mod = exports.module_begin(text('later'), text(VERMAGIC), text('GPL'), LOAD_INTREE, 9 + 1);
  expect(exports.module_announce(mod, 100, 1, 1)).toBe(-EIO);
  exports.module_gone(mod);
  expect(readModules(kernel.memory).map(({ name }) => name)).not.toContain('later');
});
