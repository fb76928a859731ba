// The driver's end of a channel over raw memories: an incarnation that was given up writes nothing more, however late its thread
// goes on, and no copy leaves the range that the request in progress grants.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Worker } from 'node:worker_threads';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { portableCopies, type Copies } from '../../host/ipc/copy.ts';
import { DriverSide, Fenced, type DriverLoop } from '../../host/ipc/driver-side.ts';
import {
  A_SEQUENCE,
  A_STATUS,
  C_GENERATION,
  C_OPERATION,
  C_SEQUENCE,
  D_COPYING,
  D_CURRENT,
  D_GONE,
  D_SLEEPING,
  GRANT_READ,
  GRANT_WRITE,
  K_ANNOUNCED,
  K_GENERATION,
  K_RING,
  Q_ARGUMENT0,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  Q_OPERATION,
  R_GENERATION,
  R_POSITION,
  R_SEQUENCE,
  R_STATUS,
  R_TAG,
  RING_SIZE,
  RING_STRIDE,
  S_STOP,
} from '../../kernel/abi/channel.ts';
import { KERNEL_MEMORY, USER_BASE, WASM_PAGE } from '../../kernel/abi/map.ts';
import { CALL_LOG, OP_CLEANUP, OP_READ } from '../../kernel/abi/operation.ts';
import { Channel } from '../support/channel.ts';
import { loadImage } from '../support/kernel.ts';

const GENERATION = 7;
const DOMAIN_SIZE = WASM_PAGE;
const ROUNDS = 2000;
/** The address of this channel's rings. */
const RING = 0x500000;

let loopImage: LoadedModule;
let kernel: WebAssembly.Memory;
let domain: WebAssembly.Memory;
let outside: Uint8Array;
let inside: Uint8Array;
let channel: Channel;
let side: DriverSide;

beforeAll(async () => {
  loopImage = await loadImage('driver-loop.wasm');
});
beforeEach(() => {
  const shared = (bytes: number): WebAssembly.Memory =>
    new WebAssembly.Memory({ initial: bytes / WASM_PAGE, maximum: bytes / WASM_PAGE, shared: true });
  kernel = shared(KERNEL_MEMORY);
  domain = shared(DOMAIN_SIZE);
  outside = new Uint8Array(kernel.buffer);
  inside = new Uint8Array(domain.buffer);
  for (let i = 0; i < inside.length; i++) inside[i] = 1 + (i % 255);
  channel = new Channel(kernel, 3);
  channel.set(K_GENERATION, GENERATION);
  channel.set(K_RING, RING);
  channel.set(K_ANNOUNCED, GENERATION);
  side = new DriverSide(kernel, domain, 3, GENERATION);
  side.attach(loopTo(() => 0));
});

const unasked = (): number => expect.unreachable('the domain was asked');
const fence = (): void => channel.set(K_GENERATION, GENERATION + 1);

function grant(address: number, length: number, rights: number): void {
  channel.ask({ [Q_GRANT_ADDRESS]: address, [Q_GRANT_LENGTH]: length, [Q_GRANT_RIGHTS]: rights });
  channel.set(D_CURRENT, RING + (channel.sent % 64) * RING_STRIDE);
}

/** The kernel's memory without the words of this channel that the driver's thread owns. */
function outsideNow(): Buffer {
  const copy = Buffer.from(outside);
  copy.fill(0, channel.base, channel.base + 512);
  copy.fill(0, RING, RING + RING_SIZE);
  return copy;
}

/** A driver loop on a domain that only answers and has bytes. */
function loopTo(
  serve: (...words: number[]) => number,
  special: (operation: number) => number = () => -22,
  { out, in: into }: Copies = portableCopies(kernel, domain),
): DriverLoop {
  const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32' }, value);
  const serve_ring = (...words: number[]): bigint =>
    BigInt.asIntN(64, (5n << 32n) | BigInt(serve(...words) >>> 0));
  const view = new DataView(domain.buffer);
  const host = {
    ...{ serve_ring, served_handle: () => 77, special, bulk_out: out, bulk_in: into },
    peek: (address: number) => view.getBigInt64(address, true),
    poke: (address: number, word: bigint) => view.setBigInt64(address, word, true),
    peek_byte: (address: number) => view.getUint8(address),
    poke_byte: (address: number, byte: number) => view.setUint8(address, byte),
  };
  const instance = new WebAssembly.Instance(loopImage.module, {
    env: {
      memory: kernel,
      __indirect_function_table: new WebAssembly.Table({ element: 'anyfunc', initial: 1 }),
      ...{ __memory_base: constant(USER_BASE), __table_base: constant(0) },
    },
    host: host as unknown as WebAssembly.ModuleImports,
  });
  return instance.exports as unknown as DriverLoop;
}

const run = (carrier: DriverLoop): void => (side.attach(carrier), side.run());

function request(operation: number, generation = GENERATION): void {
  channel.ask({ [Q_GENERATION]: generation, [Q_OPERATION]: operation, [Q_ARGUMENT0]: 64 });
}

describe('a request', () => {
  test('is served and answered under its sequence and generation', () => {
    request(OP_READ);
    run(loopTo(() => (channel.set(S_STOP, 1), 42)));
    const words = [R_SEQUENCE, R_GENERATION, R_STATUS, R_POSITION, R_TAG];
    expect(words.map((word) => channel.answered(word, 1))).toEqual([1, GENERATION, 42, 5, 1]);
  });

  test('that is not the device’s goes to the host', () => {
    request(OP_CLEANUP);
    const operations: number[] = [];
    run(loopTo(unasked, (operation) => (operations.push(operation), channel.set(S_STOP, 1), 3)));
    expect(operations).toEqual([OP_CLEANUP]);
    expect(channel.answered(R_STATUS, 1)).toBe(3);
  });

  test('of another generation is not served', () => {
    request(OP_READ, GENERATION - 1);
    const { turn } = loopTo(() => expect.unreachable('it was served'));
    expect(turn(channel.base, RING, GENERATION, 0, 10)).toBe(0);
    expect(channel.answered(R_SEQUENCE, 1)).toBe(0);
  });

  test('that is answered after the fence is not answered', () => {
    request(OP_READ);
    const rings = outside.slice(RING, RING + RING_SIZE);
    const before = outsideNow();
    run(loopTo(() => (fence(), 42)));
    expect(outside.slice(RING, RING + RING_SIZE)).toEqual(rings);
    expect(outsideNow().equals(before)).toBe(true);
  });

  test('never comes: who was told to stop, or fenced, leaves', () => {
    channel.set(S_STOP, 1);
    run(loopTo(() => expect.unreachable('it was served')));
    channel.set(S_STOP, 0);
    fence();
    run(loopTo(() => expect.unreachable('it was served')));
    expect(channel.get(D_SLEEPING)).toBe(0);
  });
});

describe('a copy', () => {
  test('when no request is in progress is refused: a grant dies with its request', () => {
    grant(USER_BASE, 100, GRANT_WRITE);
    channel.set(D_CURRENT, 0);
    expect(side.copyOut(USER_BASE, 0, 100)).toBe(1);
    expect(side.grant().length).toBe(0);
  });

  test('after its request has been answered is refused', () => {
    channel.ask({
      ...{ [Q_GENERATION]: GENERATION, [Q_OPERATION]: OP_READ, [Q_ARGUMENT0]: 8 },
      ...{ [Q_GRANT_ADDRESS]: USER_BASE, [Q_GRANT_LENGTH]: 8, [Q_GRANT_RIGHTS]: GRANT_WRITE },
    });
    const during: number[] = [];
    side.attach(loopTo(() => (during.push(side.copyOut(USER_BASE, 0, 8)), 8)));
    side.turn(1);
    expect(during).toEqual([0]);
    expect(side.copyOut(USER_BASE, 0, 8)).toBe(1);
  });

  test('that comes after the fence changes nothing, and throws', () => {
    grant(USER_BASE, 100, GRANT_WRITE);
    fence();
    const before = outsideNow();
    expect(() => side.copyOut(USER_BASE, 0, 100)).toThrow(Fenced);
    expect(outsideNow().equals(before)).toBe(true);
    expect(channel.get(D_COPYING)).toBe(0);
    grant(USER_BASE, 100, GRANT_READ);
    const within = Buffer.from(inside);
    expect(() => side.copyIn(0, USER_BASE, 100)).toThrow(Fenced);
    expect(within.equals(inside)).toBe(true);
  });

  test('is announced before the fence is looked at, and its end is told', () => {
    const seen: number[] = [];
    const copy = (): void => void seen.push(channel.get(D_COPYING));
    side.attach(loopTo(unasked, unasked, { out: copy, in: copy }));
    grant(USER_BASE, 1000, GRANT_WRITE | GRANT_READ);
    expect(side.copyOut(USER_BASE, 0, 1000)).toBe(0);
    expect(side.copyIn(0, USER_BASE, 1000)).toBe(0);
    expect(seen).toEqual([1, 1]);
    expect(channel.get(D_COPYING)).toBe(0);
  });

  test('before the driver is fully formed is refused', () => {
    grant(USER_BASE, 100, GRANT_WRITE);
    expect(new DriverSide(kernel, domain, 3, GENERATION).copyOut(USER_BASE, 0, 8)).toBe(1);
  });

  test('stays in the grant, in both memories, whatever is asked (seeded)', () => {
    let state = 12345;
    const next = (limit: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % limit;
    };
    /** Sometimes a number out of range. */
    const wild = (near: number): number =>
      [near, near - 1, near + 1, 0, -1, 0x7fffffff, -0x80000000, DOMAIN_SIZE][next(8)]!;
    for (let round = 0; round < ROUNDS; round++) {
      // Some are copied word by word, some by the runtime.
      const [address, length] = [USER_BASE + next(1000), next(next(2) ? 40 : 700)];
      const rights = [0, GRANT_READ, GRANT_WRITE][next(3)]!;
      grant(address, length, rights);
      const user = next(4) ? address + next(length + 2) : wild(address);
      const own = next(4) ? next(DOMAIN_SIZE) : wild(DOMAIN_SIZE - length);
      const count = next(4) ? next(length + 2) : wild(length);
      const out = next(2) === 0;
      const fits =
        count >= 0 &&
        user >= address &&
        user + count <= address + length &&
        own >= 0 &&
        own + count <= DOMAIN_SIZE;
      const allowed = fits && rights === (out ? GRANT_WRITE : GRANT_READ);
      const window = outside.subarray(USER_BASE - 64, USER_BASE + 1800);
      const [before, within] = [window.slice(), inside.slice()];
      const status = out ? side.copyOut(user, own, count) : side.copyIn(own, user, count);
      expect({ round, status }).toEqual({ round, status: allowed ? 0 : 1 });
      if (allowed && out) before.set(within.subarray(own, own + count), user - (USER_BASE - 64));
      if (allowed && !out) within.set(before.subarray(user - (USER_BASE - 64)).subarray(0, count), own);
      expect(Buffer.compare(window.slice(), before)).toBe(0);
      expect(Buffer.compare(inside.slice(), within)).toBe(0);
    }
  });
});

describe('a call to the kernel', () => {
  test('after the fence is not made', () => {
    fence();
    expect(() => side.call(CALL_LOG, 0, 0, 0, 4)).toThrow(Fenced);
    expect([C_SEQUENCE, C_GENERATION, C_OPERATION].map((word) => channel.get(word))).toEqual([0, 0, 0]);
  });

  test('that waits when the fence goes up is left', async () => {
    // Another thread raises the fence as soon as the call is there.
    const code = `
      const { parentPort, workerData: { memory, call, generation } } = require('node:worker_threads');
      const words = new Int32Array(memory.buffer);
      parentPort.postMessage('ready');
      while (Atomics.load(words, call) === 0);
      Atomics.add(words, generation, 1);`;
    const workerData = {
      memory: kernel,
      call: (channel.base + C_SEQUENCE) >> 2,
      generation: (channel.base + K_GENERATION) >> 2,
    };
    const worker = new Worker(code, { eval: true, workerData });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    expect(() => side.call(CALL_LOG, 0, 0, 0, 4)).toThrow(Fenced);
    expect(channel.get(C_SEQUENCE)).toBe(1);
    await ended;
  });

  test('is made once the kernel knows the module', async () => {
    channel.set(K_ANNOUNCED, GENERATION - 1);
    const code = `
      const { parentPort, workerData: { memory, announced, generation, call, answer } } = require('node:worker_threads');
      const words = new Int32Array(memory.buffer);
      parentPort.postMessage('ready');
      while (Atomics.notify(words, announced) === 0); // until the driver's thread waits
      const early = Atomics.load(words, call);
      Atomics.store(words, announced, generation);
      Atomics.notify(words, announced);
      while (Atomics.load(words, call) === 0);
      words[answer + 1] = 40 + early;
      Atomics.store(words, answer, 1);
      Atomics.notify(words, answer);`;
    const [announced, call, answer] = [K_ANNOUNCED, C_SEQUENCE, A_SEQUENCE].map(
      (word) => (channel.base + word) >> 2,
    );
    const workerData = { memory: kernel, announced, generation: GENERATION, call, answer };
    const worker = new Worker(code, { eval: true, workerData });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    side.awaitAnnounced();
    expect(side.call(CALL_LOG, 0, 0, 0, 4)).toBe(40);
    await ended;
  });

  test('takes the answer to its own sequence alone', async () => {
    channel.set(A_SEQUENCE, 5);
    channel.set(A_STATUS, 99);
    const code = `
      const { parentPort, workerData: { memory, call, answer, status } } = require('node:worker_threads');
      const words = new Int32Array(memory.buffer);
      parentPort.postMessage('ready');
      while (Atomics.load(words, call) === 0);
      words[status] = 33;
      Atomics.store(words, answer, 1);
      Atomics.notify(words, answer);`;
    const [call, answer, status] = [C_SEQUENCE, A_SEQUENCE, A_STATUS].map(
      (word) => (channel.base + word) >> 2,
    );
    const worker = new Worker(code, { eval: true, workerData: { memory: kernel, call, answer, status } });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    expect(side.call(CALL_LOG, 0, 0, 0, 4)).toBe(33);
    await ended;
  });

  test('brings no more data than there is room, and none from outside its memory', () => {
    for (const [data, length] of [
      [0, 100000],
      [DOMAIN_SIZE - 4, 64],
      [DOMAIN_SIZE + 8, 16],
      [0, -5],
    ] as const) {
      const bytes = outside.slice(channel.base + 1024, channel.base + 2048);
      answered(() => side.call(CALL_LOG, 0, 0, data, length));
      expect(outside.slice(channel.base + 1024, channel.base + 2048)).toEqual(bytes);
    }
  });

  /** Puts the answer of a call in place before the call, so that it returns at once. */
  function answered(call: () => number): void {
    channel.set(A_SEQUENCE, channel.get(C_SEQUENCE) + 1);
    channel.set(A_STATUS, 0);
    expect(call()).toBe(0);
  }
});

test('who leaves says under which generation it was', () => {
  side.markDead();
  expect(channel.get(D_GONE)).toBe(GENERATION);
});

describe('what a predecessor has left', () => {
  const incarnation = 3 * 64 + 4;
  let before: WebAssembly.Memory;
  let successor: DriverSide;
  beforeEach(() => {
    before = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    new Uint8Array(before.buffer).fill(7);
    successor = new DriverSide(kernel, domain, 3, GENERATION, {
      bytes: new Uint8Array(before.buffer),
      from: 0,
      incarnation,
    });
  });

  test('is copied out of its memory', () => {
    expect(successor.copyPrevious(100, WASM_PAGE - 8, 8, incarnation)).toBe(0);
    expect([...inside.subarray(99, 109)]).toEqual([100, 7, 7, 7, 7, 7, 7, 7, 7, 109]);
  });

  test.each([
    ['of another incarnation', 100, 0, 8, incarnation + 64],
    ['beyond the end of its memory', 100, WASM_PAGE - 8, 9, incarnation],
    ['beyond the end of this memory', DOMAIN_SIZE - 8, 0, 9, incarnation],
    ['from nowhere', 100, -8, 8, incarnation],
    ['to nowhere', -8, 0, 8, incarnation],
    ['of all there is', 0, 0, -1, incarnation],
  ])('%s is refused', (_, to, from, count, of) => {
    const copy = inside.slice();
    expect(successor.copyPrevious(to, from, count, of)).toBe(1);
    expect(inside).toEqual(copy);
  });

  test('is a part of that, where it was copied', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const part = { bytes, from: 4096, incarnation };
    const late = new DriverSide(kernel, domain, 3, GENERATION, part);
    expect(late.copyPrevious(100, 4096, 4, incarnation)).toBe(0);
    expect([...inside.subarray(99, 105)]).toEqual([100, 1, 2, 3, 4, 105]);
    for (const from of [0, 4095, 4097]) expect(late.copyPrevious(100, from, 4, incarnation)).toBe(1);
  });

  test('is nothing where there was none', () => {
    expect(side.copyPrevious(100, 0, 8, incarnation)).toBe(1);
  });
});
