// kmalloc and kfree against a model, in the real image: every object keeps its bytes, none overlaps another, accounts are
// right after each step; then each misuse, by hand.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting } from '../../host/machine/inspect.ts';
import { KMALLOC_MAX, OBJECT_HEADER } from '../../kernel/abi/heap.ts';
import { M_TAINT, TAINT_BAD_PAGE } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, POOL_BASE, USER_BASE } from '../../kernel/abi/map.ts';
import { rounds } from '../long.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const OPERATIONS = rounds(20_000, 200_000);
const SEED = 7;

interface Heap {
  kmalloc(size: number): number;
  kzalloc(size: number): number;
  kfree(pointer: number): void;
}

let image: LoadedModule;
let kernel: TestKernel;
let heap: Heap;
beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
  heap = kernel.exports as unknown as Heap;
});

const used = (): number => readAccounting(kernel.memory).bytesUsed;
const tainted = (): boolean => (kernel.words[(MACHINE_BASE + M_TAINT) >> 2]! & TAINT_BAD_PAGE) !== 0;

test(`${OPERATIONS} operations against a model (seed ${SEED})`, () => {
  let state = SEED;
  const next = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const { bytes } = kernel.domain;
  const live: { pointer: number; size: number; fill: number }[] = [];
  const before = used();
  let total = 0;
  for (let i = 0; i < OPERATIONS; i++) {
    if (live.length > 0 && next(100) < (total > 8e6 ? 70 : 48)) {
      const at = next(live.length);
      const { pointer, size, fill } = live[at]!;
      // Nobody else has written to it.
      if (size > 0)
        expect([bytes[pointer], bytes[pointer + size - 1], bytes[pointer + (size >> 1)]]).toEqual([
          fill,
          fill,
          fill,
        ]);
      heap.kfree(pointer);
      total -= size;
      live[at] = live.at(-1)!;
      live.pop();
    } else {
      const size = [() => next(17), () => next(200), () => next(4096), () => next(100_000)][next(4)]!();
      const zeroed = next(3) === 0;
      const pointer = zeroed ? heap.kzalloc(size) : heap.kmalloc(size);
      if (pointer === 0) throw new Error(`no memory for ${size} bytes with ${total} in use`);
      expect(pointer % 16).toBe(0);
      expect(pointer - OBJECT_HEADER >= POOL_BASE && pointer + size <= USER_BASE).toBe(true);
      if (zeroed && size > 0) expect([bytes[pointer], bytes[pointer + size - 1]]).toEqual([0, 0]);
      const fill = 1 + next(255);
      bytes.fill(fill, pointer, pointer + size);
      live.push({ pointer, size, fill });
      total += size;
    }
    if (i % 64 === 0) expect(used()).toBe(before + total);
    if (i % 2500 === 0) expect(kernel.check()).toEqual([]);
  }
  const sorted = [...live].sort((a, b) => a.pointer - b.pointer);
  for (const [i, { pointer, size }] of sorted.entries()) {
    expect(pointer + size).toBeLessThanOrEqual(
      (sorted[i + 1]?.pointer ?? USER_BASE) - (i + 1 < sorted.length ? OBJECT_HEADER : 0),
    );
  }
  for (const { pointer } of live) heap.kfree(pointer);
  expect(used()).toBe(before);
  expect(kernel.check()).toEqual([]);
  expect(tainted()).toBe(false);
});

test('memory ends: 0, nothing is lost, and all of it comes back', () => {
  const free = readAccounting(kernel.memory).pagesFree;
  for (let round = 0; round < 3; round++) {
    const pointers: number[] = [];
    for (let size = 1 << 20; size >= 4096; size >>= 1) {
      for (let pointer = heap.kmalloc(size); pointer !== 0; pointer = heap.kmalloc(size))
        pointers.push(pointer);
    }
    expect(pointers.length).toBeGreaterThan(20);
    expect(heap.kmalloc(1 << 20)).toBe(0);
    expect(heap.kzalloc(1 << 20)).toBe(0);
    for (const pointer of pointers) heap.kfree(pointer);
    expect(readAccounting(kernel.memory).pagesFree).toBe(free);
    expect(kernel.check()).toEqual([]);
  }
});

test.each([KMALLOC_MAX + 1, 0x7fffffff, -1, -0x80000000])('kmalloc(%i) is refused', (size) => {
  const before = kernel.snapshot();
  expect(heap.kmalloc(size)).toBe(0);
  expect(heap.kzalloc(size)).toBe(0);
  expect(kernel.snapshot()).toEqual(before);
});

test('kfree(0) does nothing; kmalloc(0) gives an object', () => {
  heap.kfree(heap.kmalloc(0)); // a page for the smallest objects, which stays theirs
  const before = kernel.snapshot();
  heap.kfree(0);
  const pointer = heap.kmalloc(0);
  expect(pointer).not.toBe(0);
  heap.kfree(pointer);
  expect(kernel.snapshot()).toEqual(before);
  expect(kernel.check()).toEqual([]);
});

describe.each([24, 100, 1000, 10_000])('misuse of an object of %i bytes', (size) => {
  const LINE = /^BUG kmalloc: (.*) 0x[0-9a-f]+$/;
  const said = (): string[] => kernel.log().flatMap((line) => LINE.exec(line)?.[1] ?? []);
  let pointer: number;
  beforeEach(() => {
    pointer = heap.kmalloc(size);
  });

  test('freed twice', () => {
    heap.kfree(pointer);
    const before = kernel.snapshot();
    heap.kfree(pointer);
    expect(said()).toEqual([size > 2000 ? 'Invalid object pointer' : 'Object already free']);
    expect(kernel.snapshot()).toEqual(before);
    expect(tainted()).toBe(true);
    // It is handed out once, not twice.
    expect(heap.kmalloc(size)).not.toBe(heap.kmalloc(size));
    expect(kernel.check()).toEqual([]);
  });

  test.each([
    ['one byte behind', () => pointer + size],
    ['just before', () => pointer - 1],
    ['at the red zone in front', () => pointer - 4],
  ])('written %s: the check sees it, kfree says it', (_, at) => {
    const { bytes } = kernel.domain;
    bytes[at()] = bytes[at()]! ^ 0xff;
    expect(kernel.check()).toHaveLength(1);
    expect(kernel.check()[0]).toMatch(/^red zone overwritten: 0x/);
    heap.kfree(pointer);
    expect(said()).toEqual(['Redzone overwritten']);
    expect(kernel.check()).toEqual([]);
  });

  test('freed in the middle', () => {
    const before = kernel.snapshot();
    for (const wrong of [pointer + 1, pointer + 16, pointer - 16]) heap.kfree(wrong);
    expect(said()).toHaveLength(3);
    expect(kernel.snapshot()).toEqual(before);
    heap.kfree(pointer);
    expect(kernel.check()).toEqual([]);
  });

  test('its header overwritten: it is left alone', () => {
    kernel.words[(pointer - OBJECT_HEADER) >> 2] = 0x12345678;
    expect(kernel.check()[0]).toMatch(/^object header overwritten: 0x/);
    heap.kfree(pointer);
    expect(said()).toEqual(['Object header overwritten']);
  });
});

test.each([24, 100, 1000])(
  'an object of %i bytes written after it was freed is never handed out again',
  (size) => {
    const pointer = heap.kmalloc(size);
    heap.kfree(pointer);
    kernel.domain.bytes[pointer + 8] = 1;
    expect(kernel.check()).toEqual([`write to freed memory: 0x${(pointer + 8).toString(16)}`]);
    const given = Array.from({ length: 200 }, () => heap.kmalloc(size));
    expect(given).not.toContain(pointer);
    expect(kernel.log().filter((line) => line.startsWith('BUG kmalloc: Poison overwritten'))).toHaveLength(1);
    expect(tainted()).toBe(true);
  },
);

test('a free of what is no object at all changes nothing', () => {
  const before = kernel.snapshot();
  for (const wrong of [1, 16, POOL_BASE, POOL_BASE + 16, USER_BASE, USER_BASE + 64, 0x7ffffff0, -16])
    heap.kfree(wrong);
  expect(kernel.snapshot()).toEqual(before);
  expect(kernel.log().filter((line) => line.startsWith('BUG kmalloc: Invalid object pointer'))).toHaveLength(
    8,
  );
  expect(kernel.check()).toEqual([]);
});
