// The trace, with a driver made by hand: what a call leaves in it, whatever became of the call; a ring that goes round; reading
// while it is written and after it was damaged; statistics that count samples alone.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { bucketFrom, bucketOf } from '../../host/machine/inspect/latency.ts';
import { readStatistics, readTrace } from '../../host/machine/inspect/trace.ts';
import type { ChannelStatistics, TraceRecord } from '../../host/machine/shared/types.ts';
import { D_GONE, K_GENERATION, S_TRANSPORT, TRANSPORT_GATE } from '../../kernel/abi/channel.ts';
import { EIO, ETIMEDOUT } from '../../kernel/abi/errno.ts';
import { FOP_IDEMPOTENT } from '../../kernel/abi/file.ts';
import {
  M_TRACE_LAST,
  M_TRACE_LEVEL,
  M_TRACE_NAMES,
  M_TRACE_RING,
  M_TRACE_STATISTICS,
} from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';
import { O_RDWR, SYS_CLOSE, SYS_OPEN, SYS_READ, SYS_WRITE } from '../../kernel/abi/operation.ts';
import {
  STAT_BUCKETS,
  TR_SEQUENCE,
  TR_STATUS,
  TRACE_RECORD_SIZE,
  TRACE_RECORDS,
} from '../../kernel/abi/trace.ts';
import { Channel, HandmadeClient, HandmadeDriver } from '../support/channel.ts';
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
});

const records = (): TraceRecord[] => readTrace(kernel.memory).records;
const channel = (): ChannelStatistics => {
  const [only, ...others] = readStatistics(kernel.memory).channels;
  expect(others).toEqual([]);
  return only!;
};
const word = (offset: number): number => kernel.view.u32(MACHINE_BASE + offset);
const recordAt = (sequence: number): number =>
  word(M_TRACE_RING) + (sequence % TRACE_RECORDS) * TRACE_RECORD_SIZE;

function read(count = 8): void {
  expect(client.call(SYS_READ, fd, client.address, count)).toBe(null);
  driver.reply(count);
}

describe('a record', () => {
  test('says who called whom, for what, and what came of it', () => {
    read(64);
    const { generation } = driver;
    expect(records()).toMatchObject([
      { sequence: 1, caller: 'client 1', who: 1, driver: 'made', channel: 5, generation, operation: 'open' },
      { sequence: 2, caller: 'client 1', driver: 'made', operation: 'read', status: 64, exact: true },
    ]);
    const [open, second] = records();
    expect(open!.startNs).toBeGreaterThan(0);
    expect(open!.endNs).toBeGreaterThanOrEqual(open!.startNs);
    expect(second!.startNs).toBeGreaterThanOrEqual(open!.endNs);
    expect(readTrace(kernel.memory)).toMatchObject({ lost: 0, level: 1 });
  });

  test('of a call that fails has the errno', () => {
    expect(client.call(SYS_WRITE, fd, client.address, 8)).toBe(null);
    driver.reply(-EIO);
    expect(records().at(-1)).toMatchObject({ operation: 'write', status: -EIO });
    expect(channel()).toMatchObject({ calls: 2, errors: 1 });
  });

  test('of a call that a driver died in, and of one behind it', () => {
    const other = new HandmadeClient(kernel, 2);
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    expect(other.call(SYS_OPEN, other.text('/dev/made'), O_RDWR)).toBe(null);
    driver.channel.set(D_GONE, driver.generation);
    kernel.exports.poll();
    const dead = { driver: 'made', channel: 5, generation: driver.generation, status: -EIO };
    expect(records().slice(1)).toMatchObject([
      { ...dead, operation: 'read', caller: 'client 1' },
      { ...dead, operation: 'open', caller: 'client 2' },
    ]);
    // Its generation is over, its name is known all the same.
    expect(driver.channel.get(K_GENERATION)).toBe(driver.generation + 1);
    expect(channel()).toMatchObject({ driver: 'made', calls: 3, errors: 2 });
  });

  test('of a request that waits for a successor: one of the dead, one of the successor', () => {
    driver.channel.set(D_GONE, driver.generation);
    kernel.exports.poll();
    const kept = new HandmadeDriver(kernel, 6, 'kept', FOP_IDEMPOTENT);
    const other = new HandmadeClient(kernel, 2);
    expect(other.call(SYS_OPEN, other.text('/dev/kept'), O_RDWR)).toBe(null);
    kept.reply(0);
    expect(other.call(SYS_READ, other.answer!, other.address, 8)).toBe(null);
    kept.channel.set(D_GONE, kept.generation);
    kernel.exports.poll();
    expect(other.answer).toBe(null);
    expect(records().at(-1)).toMatchObject({ driver: 'kept', operation: 'read', status: -EIO });
  });

  test('of a driver on the kernel’s own thread, which is called at once', () => {
    new Channel(kernel.memory, 6).set(S_TRANSPORT, TRANSPORT_GATE);
    const boxed = new HandmadeDriver(kernel, 6, 'boxed');
    kernel.exports.gate_open(6, 0);
    // The gate of this kernel answers that the driver has trapped.
    expect(client.call(SYS_OPEN, client.text('/dev/boxed'), O_RDWR)).toBe(-EIO);
    expect(records().slice(1)).toMatchObject([
      { driver: 'boxed', generation: boxed.generation, operation: 'open', status: -EIO, caller: 'client 1' },
    ]);
  });

  test('of a call that took too long', () => {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    while (kernel.exports.wait_time() < 1e9);
    const late = records().at(-1);
    expect(late).toMatchObject({ operation: 'read', status: -ETIMEDOUT, exact: true });
    expect(late.endNs - late.startNs).toBeGreaterThan(18e6);
  });

  test('of a reply that no honest driver sends has what the caller was told', () => {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    driver.reply(9);
    expect(records().at(-1)).toMatchObject({ operation: 'read', status: -EIO });
  });

  test('there is none where nothing is traced, nor of a call that began before', () => {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    kernel.words[(MACHINE_BASE + M_TRACE_LEVEL) >> 2] = 0;
    driver.reply(8);
    read();
    expect(records().map(({ operation }) => operation)).toEqual(['open', 'read']);
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    kernel.words[(MACHINE_BASE + M_TRACE_LEVEL) >> 2] = 1;
    driver.reply(8);
    expect(records()).toHaveLength(2);
    read();
    expect(records()).toHaveLength(3);
    expect(channel().calls).toBe(3);
  });
});

test('another incarnation on the channel has a name and statistics of its own', () => {
  read();
  driver.channel.set(D_GONE, driver.generation);
  kernel.exports.poll();
  const next = new HandmadeDriver(kernel, 5, 'next');
  expect(client.call(SYS_CLOSE, fd)).toBe(0);
  expect(channel()).toMatchObject({ driver: 'next', generation: next.generation, calls: 0, errors: 0 });
  expect(client.call(SYS_OPEN, client.text('/dev/next'), O_RDWR)).toBe(null);
  next.reply(0);
  expect(channel()).toMatchObject({ driver: 'next', calls: 1 });
  expect(records().map((record) => record.driver)).toEqual(['made', 'made', 'next']);
});

describe('the ring', () => {
  test('keeps the latest and counts what is lost', () => {
    const calls = TRACE_RECORDS + 10;
    for (let i = 1; i < calls; i++) read(1 + (i % 64));
    const { records: kept, lost } = readTrace(kernel.memory);
    expect(kept).toHaveLength(TRACE_RECORDS);
    expect(lost).toBe(calls - kept.length);
    expect(kept.map(({ sequence }) => sequence)).toEqual(kept.map((_, i) => lost + 1 + i));
    expect(kept.at(-1).status).toBe(1 + ((calls - 1) % 64));
    for (const [i, { startNs, endNs }] of kept.entries()) {
      expect(endNs).toBeGreaterThanOrEqual(startNs);
      if (i > 0) expect(startNs).toBeGreaterThanOrEqual(kept[i - 1]!.endNs);
    }
    expect(channel().calls).toBe(calls);
    expect(kernel.check()).toEqual([]);
  });

  test('goes on when the numbers begin anew', () => {
    kernel.words[(MACHINE_BASE + M_TRACE_LAST) >> 2] = -3;
    for (let i = 0; i < 6; i++) read(i + 1);
    // The number 0 is that of no record; the open of before is far too old.
    expect(records().map(({ sequence, status }) => [sequence, status])).toEqual([
      ...[0xfffffffe, 0xffffffff].map((sequence, i) => [sequence, i + 1]),
      ...[1, 2, 3].map((sequence) => [sequence, sequence + 3]),
    ]);
  });

  test('a record that is being written is not read', () => {
    read();
    kernel.words[(recordAt(2) + TR_SEQUENCE) >> 2] = 0;
    expect(readTrace(kernel.memory)).toMatchObject({ records: [{ sequence: 1 }], lost: 1 });
  });

  test('a record that is damaged anywhere is left out', () => {
    read();
    const at = recordAt(2);
    const whole = kernel.domain.bytes.slice(at, at + TRACE_RECORD_SIZE);
    for (let byte = 0; byte < TRACE_RECORD_SIZE; byte++) {
      kernel.domain.bytes[at + byte]! ^= 1 << (byte % 8);
      expect(readTrace(kernel.memory)).toMatchObject({ records: [{ sequence: 1 }], lost: 1 });
      kernel.domain.bytes.set(whole, at);
    }
    expect(records()).toHaveLength(2);
  });

  test('a record of which a part is an older one’s is left out', () => {
    read(1);
    const at = recordAt(2);
    const older = kernel.domain.bytes.slice(at, at + TRACE_RECORD_SIZE);
    for (let i = 0; i < TRACE_RECORDS; i++) read(2);
    const { sequence } = records().find((record) => recordAt(record.sequence) === at)!;
    expect(sequence).toBe(2 + TRACE_RECORDS);
    kernel.domain.bytes.set(older.subarray(TR_STATUS), at + TR_STATUS);
    expect(records().some((record) => record.sequence === sequence)).toBe(false);
    expect(records()).toHaveLength(TRACE_RECORDS - 1);
  });

  test.each([
    [M_TRACE_RING, 0],
    [M_TRACE_RING, 1],
    [M_TRACE_RING, -8],
    [M_TRACE_NAMES, 0x7fffffff],
    [M_TRACE_STATISTICS, 4],
    [M_TRACE_STATISTICS, -1],
  ])('a root that leads nowhere (%i: %i) is followed nowhere', (root, value) => {
    kernel.words[(MACHINE_BASE + root) >> 2] = value;
    const { records: found } = readTrace(kernel.memory);
    expect(found.map((record) => record.driver)).toEqual(
      root === M_TRACE_RING ? [] : [root === M_TRACE_NAMES ? 'channel 5' : 'made'],
    );
    expect(readStatistics(kernel.memory).channels).toHaveLength(root === M_TRACE_RING ? 1 : 0);
  });
});

describe('statistics', () => {
  test('samples stand for all calls', () => {
    // Each begins in a poll of its own, so each is a sample.
    for (let i = 0; i < 100; i++) read();
    const { calls, samples, timeNs } = channel();
    expect(calls).toBe(101);
    expect(samples.reduce((sum, weight) => sum + weight, 0)).toBe(101);
    expect(timeNs).toBeGreaterThan(0);
  });

  test('a latency is counted in its bucket', () => {
    expect(client.call(SYS_READ, fd, client.address, 8)).toBe(null);
    const before = channel().samples;
    const since = performance.now();
    while (performance.now() - since < 3);
    driver.reply(8);
    const { startNs, endNs } = records().at(-1);
    expect(endNs - startNs).toBeGreaterThan(2.9e6);
    const gained = channel().samples.map((weight, i) => weight - before[i]!);
    expect(gained.findIndex((weight) => weight > 0)).toBe(bucketOf(endNs - startNs));
  });
});

test('buckets lie side by side', () => {
  expect(bucketFrom(0)).toBe(0);
  for (let bucket = 1; bucket < STAT_BUCKETS; bucket++) {
    expect(bucketOf(bucketFrom(bucket))).toBe(bucket);
    expect(bucketOf(bucketFrom(bucket) - 0.001)).toBe(bucket - 1);
  }
  expect(bucketOf(1e15)).toBe(STAT_BUCKETS - 1);
});
