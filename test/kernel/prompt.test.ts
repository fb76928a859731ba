// A read or write of the in-thread client over an idle ring, answered while it waits (kernel/ipc/fastpath-ring.ts). The driver is made
// by hand on the same thread, so an answer that comes at once is written before the question: the kernel cannot tell.

import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { ring } from '../../host/ipc/doorbell.ts';
import { readTrace } from '../../host/machine/inspect/trace.ts';
import { K_GENERATION, Q_OPERATION, Q_POSITION } from '../../kernel/abi/channel.ts';
import { EIO, ETIMEDOUT } from '../../kernel/abi/errno.ts';
import { M_CORES, M_SLEEPING } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, USER_BASE } from '../../kernel/abi/map.ts';
import {
  COMPLAINT_PROTOCOL,
  O_RDWR,
  OP_OPEN,
  OP_READ,
  PARKED,
  SYS_OPEN,
  SYS_PREAD,
  SYS_READ,
  SYS_WRITE,
} from '../../kernel/abi/operation.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

let image: LoadedModule;
let kernel: TestKernel;
let driver: HandmadeDriver;
let fd: number;

const begin = (number: number, a = 0, b = 0, c = 0, d = 0): number =>
  kernel.exports.syscall_begin(number, a, b, c, d);
const result = (): number => kernel.exports.syscall_result();
const read = (count = 8): number => begin(SYS_READ, fd, USER_BASE, count);
/** Opens the device as the in-thread client. */
function open(): void {
  kernel.domain.bytes.set(new TextEncoder().encode('/dev/made\0'), USER_BASE);
  expect(begin(SYS_OPEN, USER_BASE, O_RDWR)).toBe(PARKED);
  driver.reply(0);
  fd = result();
  expect(fd).toBe(0);
}

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image, 20);
  driver = new HandmadeDriver(kernel, 5, 'made');
  open();
});

describe('an answer that is there', () => {
  test('is the call’s result; the file’s place is what it says', () => {
    driver.write(8, { position: 8n });
    expect(read()).toBe(8);
    driver.write(3, { position: 11n });
    expect(begin(SYS_WRITE, fd, USER_BASE, 3)).toBe(3);
    expect(driver.channel.asked(Q_POSITION)).toBe(8);
    driver.write(0, { position: 11n });
    expect(read()).toBe(0);
    expect(driver.channel.asked(Q_POSITION)).toBe(11);
  });

  test('leaves the file’s place alone where the call had one of its own', () => {
    driver.write(4, { position: 104n });
    expect(begin(SYS_PREAD, fd, USER_BASE, 4, 100)).toBe(4);
    expect(driver.channel.asked(Q_POSITION)).toBe(100);
    driver.write(4, { position: 4n });
    expect(read(4)).toBe(4);
    expect(driver.channel.asked(Q_POSITION)).toBe(0);
  });

  test('is an error where the driver says so', () => {
    driver.write(-EIO);
    expect(read()).toBe(-EIO);
    expect(kernel.complaints).toEqual([]);
  });

  test('leaves one whole record in the trace', () => {
    const before = readTrace(kernel.memory).records.length;
    driver.write(8, { position: 8n });
    expect(read()).toBe(8);
    const { records, lost } = readTrace(kernel.memory);
    expect(lost).toBe(0);
    expect(records.length).toBe(before + 1);
    expect(records.at(-1)).toMatchObject({ caller: 'console', operation: 'read', channel: 5, status: 8 });
  });

  test.each([
    ['of more bytes than were asked for', 9, {}],
    ['of no errno', -4096, {}],
    ['at a place before the beginning', 8, { position: -1n }],
    ['of another incarnation', 8, { generation: 77 }],
    ['to what nobody has asked', 8, { tag: 40 }],
  ])('%s is the driver’s end', (_what, status, forged) => {
    driver.write(status, forged);
    expect(read()).toBe(PARKED);
    kernel.exports.poll();
    expect(result()).toBe(-EIO);
    expect(driver.channel.get(K_GENERATION)).toBe(driver.generation + 1);
    expect(kernel.complaints).toEqual([[5, driver.generation, COMPLAINT_PROTOCOL]]);
  });
});

describe('an answer that is not there', () => {
  test('is waited for by the loop', () => {
    expect(read()).toBe(PARKED);
    expect(result()).toBe(PARKED);
    driver.reply(5, { position: 5n });
    expect(result()).toBe(5);
    driver.write(2, { position: 7n });
    expect(read()).toBe(2);
    expect(driver.channel.asked(Q_POSITION)).toBe(5);
  });

  test('has a deadline', () => {
    expect(read()).toBe(PARKED);
    while (result() === PARKED) kernel.exports.wait_time();
    expect(result()).toBe(-ETIMEDOUT);
  });

  test('leaves one whole record when it comes, behind those of calls that ended before', () => {
    const other = new HandmadeDriver(kernel, 6, 'other');
    const client = new HandmadeClient(kernel, 1);
    expect(client.call(SYS_OPEN, client.text('/dev/other'), O_RDWR)).toBe(null);
    expect(read()).toBe(PARKED);
    other.reply(0);
    driver.reply(1);
    const { records, lost } = readTrace(kernel.memory);
    expect(lost).toBe(0);
    expect(records.slice(-2).map(({ channel, status }) => [channel, status])).toEqual([
      [6, 0],
      [5, 1],
    ]);
  });
});

test('an answer that comes when what was overdue has run the loop is not slept through', () => {
  const sleeping = (MACHINE_BASE + M_SLEEPING) >> 2;
  const { words, exports } = kernel;
  const time = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    if (words[sleeping] === 1) {
      exports.sleep_end(); // as a call of another driver that waits for its answer
      driver.write(5, { position: 5n }); // and does not ring: nobody sleeps
    }
    return time();
  });
  onTestFinished(() => clock.mockRestore());
  const waits = vi.spyOn(Atomics, 'wait');
  onTestFinished(() => waits.mockRestore());
  expect(exports.syscall(SYS_READ, fd, USER_BASE, 8, 0)).toBe(5);
  expect(waits).not.toHaveBeenCalled();
});

test('whoever has rung meanwhile has been served when a call ends', () => {
  const client = new HandmadeClient(kernel, 1);
  const { sent } = driver.channel;
  client.ask(SYS_OPEN, client.text('/dev/made'), O_RDWR);
  ring(kernel.words);
  driver.write(8, { position: 8n });
  expect(kernel.exports.syscall(SYS_READ, fd, USER_BASE, 8, 0)).toBe(8);
  expect([1, 2].map((each) => driver.channel.asked(Q_OPERATION, sent + each))).toEqual([OP_READ, OP_OPEN]);
});

test('where there is one core, nobody waits so', () => {
  kernel.words[(MACHINE_BASE + M_CORES) >> 2] = 1;
  driver.write(8, { position: 8n });
  expect(read()).toBe(PARKED);
  kernel.exports.poll();
  expect(result()).toBe(8);
});
