// Requests to drivers on the kernel's own thread, one of which comes while another is served.

import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readTrace } from '../../host/machine/inspect/trace.ts';
import { IOV_LENGTH } from '../../kernel/abi/batch.ts';
import { D_GONE, GATE_BITS, GATE_TRAPPED } from '../../kernel/abi/channel.ts';
import { EBUSY, EIO } from '../../kernel/abi/errno.ts';
import { FOP_IDEMPOTENT } from '../../kernel/abi/file.ts';
import { M_CALL_CLIENT, M_DOORBELL } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, USER_BASE } from '../../kernel/abi/map.ts';
import {
  O_RDWR,
  OP_CLEANUP,
  PARKED,
  SYS_IOCTL,
  SYS_OPEN,
  SYS_READ,
  SYS_READV,
  SYS_REPLACE_MODULE,
} from '../../kernel/abi/operation.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const CHANNEL = 5;

let image: LoadedModule;
let kernel: TestKernel;
let boxed: HandmadeDriver;
let first: HandmadeClient;
let second: HandmadeClient;

/** The client whose call the kernel takes this for. */
const current = (): number => kernel.words[(MACHINE_BASE + M_CALL_CLIENT) >> 2]! - 1;
const requestOf = (ticket: number): number => ticket >> GATE_BITS;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
  boxed = new HandmadeDriver(kernel, CHANNEL, 'boxed', 0, 0, true, true);
  kernel.exports.gate_open(CHANNEL, 0);
  kernel.gate = () => 0;
  first = new HandmadeClient(kernel, 1);
  second = new HandmadeClient(kernel, 2);
  for (const client of [first, second])
    expect(client.call(SYS_OPEN, client.text('/dev/boxed'), O_RDWR)).toBe(0);
});

test('one that has waited runs on account of who has asked for it', () => {
  const served: [request: number, client: number][] = [];
  kernel.gate = (ticket) => {
    served.push([requestOf(ticket), current()]);
    if (served.length === 1) expect(second.call(SYS_READ, 0, second.address, 8)).toBe(null);
    return requestOf(ticket);
  };
  expect(first.call(SYS_READ, 0, first.address, 8)).toBe(1);
  expect(second.answer).toBe(null); // whatever it ends in, the first has its answer
  kernel.exports.poll();
  expect(second.answer).toBe(2);
  expect(served).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('one that has waited for the driver’s timers too', () => {
  const served: number[] = [];
  kernel.gate = () => served.push(current());
  expect(kernel.exports.gate_claim(CHANNEL)).toBe(1);
  expect(second.call(SYS_READ, 0, second.address, 8)).toBe(null);
  kernel.exports.gate_release(CHANNEL);
  expect(second.answer).toBe(1);
  expect(served).toEqual([2]);
  expect(current()).toBe(-1);
});

test('one that has waited is not overtaken by one that comes when the driver is idle again', () => {
  const { exports, domain } = kernel;
  domain.bytes.set(new TextEncoder().encode('/dev/boxed\0'), USER_BASE);
  expect(exports.syscall(SYS_OPEN, USER_BASE, O_RDWR, 0, 0)).toBe(0);
  const served: number[] = [];
  kernel.gate = () => {
    if (served.push(current()) === 1) second.call(SYS_READ, 0, second.address, 8);
    return 0;
  };
  expect(first.call(SYS_READ, 0, first.address, 8)).toBe(0);
  expect(exports.syscall(SYS_READ, 0, USER_BASE, 8, 0)).toBe(0);
  expect(second.answer).toBe(0);
  expect(served).toEqual([1, 2, 0]);
});

test('one that waits when the loop sleeps wakes it', async () => {
  const doorbell = (MACHINE_BASE + M_DOORBELL) >> 2;
  const { words } = kernel;
  let slept: unknown = null;
  kernel.gate = () => {
    expect(second.call(SYS_READ, 0, second.address, 8)).toBe(null);
    slept = Atomics.waitAsync(words, doorbell, Atomics.load(words, doorbell), 1000).value;
    return 1;
  };
  expect(first.call(SYS_READ, 0, first.address, 8)).toBe(1);
  expect(await slept).toBe('ok');
});

test('one that has waited for a cleanup that was refused', () => {
  kernel.gate = () => 7;
  kernel.special = (_, operation) => {
    expect(operation).toBe(OP_CLEANUP);
    expect(second.call(SYS_READ, 0, second.address, 8)).toBe(null);
    return -EBUSY;
  };
  expect(first.call(SYS_REPLACE_MODULE, first.text('boxed'))).toBe(-EBUSY);
  kernel.exports.poll();
  expect(second.answer).toBe(7);
});

test('no request has the deadline of the one before it', () => {
  const time = vi.spyOn(performance, 'now');
  onTestFinished(() => time.mockRestore());
  kernel.gate = () => kernel.exports.wait_time() && 0; // it waits for another driver, say
  expect(first.call(SYS_READ, 0, first.address, 8)).toBe(0);
  time.mockReturnValue(performance.now() + 1e6);
  expect(first.call(SYS_READ, 0, first.address, 8)).toBe(0);
  expect(kernel.complaints).toEqual([]);
});

function trap(): never {
  throw new Error('in the kernel');
}

test('one that a trap of the kernel has unwound is in the trace, and not a second time', () => {
  kernel.gate = trap;
  expect(() => first.call(SYS_IOCTL, 0, 1, 2)).toThrow('in the kernel');
  kernel.exports.gate_unwound(CHANNEL);
  kernel.exports.gate_unwound(CHANNEL);
  const [last, before] = readTrace(kernel.memory).records.reverse();
  expect(last).toMatchObject({ operation: 'ioctl', status: -EIO });
  expect(before).toMatchObject({ operation: 'open' });
});

/** Reads into one buffer at the front of 512 bytes. */
function vector(address: number): number {
  const view = new DataView(kernel.memory.buffer);
  view.setInt32(address + 256, address, true);
  view.setInt32(address + 256 + IOV_LENGTH, 8, true);
  return address + 256;
}

test('a vector that waits for a successor leaves the loop, which has to load that', () => {
  new HandmadeDriver(kernel, CHANNEL + 1, 'lasting', FOP_IDEMPOTENT, 0, true, true);
  kernel.exports.gate_open(CHANNEL + 1, 0);
  const fd = kernel.open('/dev/lasting', O_RDWR);
  kernel.gate = () => GATE_TRAPPED;
  expect(kernel.call(SYS_READV, fd, vector(USER_BASE), 1)).toBe(PARKED);
});

describe('the kernel traps over an entry of a batch', () => {
  const readv = (client: HandmadeClient, fd: number): number | null =>
    client.call(SYS_READV, fd, vector(client.address), 1);

  /** What the host does then. */
  function unwind(client: number): void {
    kernel.exports.gate_unwound(CHANNEL);
    expect(kernel.exports.kill_current()).toBe(client);
    boxed.channel.set(D_GONE, boxed.generation);
    kernel.exports.poll();
  }

  let other: HandmadeDriver;
  beforeEach(() => {
    other = new HandmadeDriver(kernel, CHANNEL + 1, 'other');
  });

  /** The client whose batch that was has another. */
  function next(client: HandmadeClient): void {
    expect(client.call(SYS_OPEN, client.text('/dev/other'), O_RDWR)).toBe(null);
    other.reply(0);
    expect(readv(client, client.answer!)).toBe(null);
    other.reply(8);
    expect(client.answer).toBe(8);
  }

  test('which is begun', () => {
    kernel.gate = trap;
    expect(() => readv(first, 0)).toThrow('in the kernel');
    unwind(1);
    next(first);
  });

  test('which has waited', () => {
    kernel.gate = (ticket) => {
      if (requestOf(ticket) !== 1) trap(); // no client's own request
      expect(readv(second, 0)).toBe(null);
      return 0;
    };
    expect(first.call(SYS_READ, 0, first.address, 8)).toBe(0);
    expect(() => kernel.exports.poll()).toThrow('in the kernel');
    unwind(2);
    next(second);
  });
});
