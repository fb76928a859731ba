// kmalloc and its family in the real image: what each function promises, what running out of memory comes to, and each
// misuse, by hand, with its report.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import { __GFP_NOWARN, __GFP_ZERO, GFP_ATOMIC, GFP_KERNEL } from '../../kernel/abi/gfp.ts';
import {
  KMALLOC_MAX,
  SLUB_CONSISTENCY,
  SLUB_OFF,
  SLUB_POISON,
  SLUB_RED_ZONE,
  ZERO_SIZE_PTR,
} from '../../kernel/abi/heap.ts';
import { M_TAINT, TAINT_BAD_PAGE } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, POOL_BASE, USER_BASE } from '../../kernel/abi/map.ts';
import { heapOf, shrinkAll, type Heap } from '../support/heap.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

let image: LoadedModule;
let kernel: TestKernel;
let heap: Heap;

function boot(slubDebug = 0): void {
  kernel = new TestKernel(image, undefined, slubDebug);
  heap = heapOf(kernel);
}
beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => boot());

const used = (): number => readAccounting(kernel.memory).bytesUsed;
const pagesFree = (): number => readAccounting(kernel.memory).pagesFree;
const tainted = (): boolean => (kernel.words[(MACHINE_BASE + M_TAINT) >> 2]! & TAINT_BAD_PAGE) !== 0;
const bugs = (): string[] =>
  kernel.log().flatMap((line) => /^BUG [\w-]+ \([^)]*\): (.*?)( 0x[0-9a-f]+)?$/.exec(line)?.[1] ?? []);
const failures = (): string[] => kernel.log().filter((line) => line.includes('page allocation failure'));
const bytesAt = (at: number, count: number): number[] => [...kernel.domain.bytes.slice(at, at + count)];

describe.each([
  ['with debugging', 0],
  ['without debugging', SLUB_OFF],
])('%s', (_, slubDebug) => {
  beforeEach(() => boot(slubDebug));

  test.each([1, 7, 8, 9, 16, 64, 65, 96, 97, 192, 4095, 4096, 4097, 65536, 1 << 20, KMALLOC_MAX])(
    'kmalloc(%i) is aligned, usable to its last byte, counted, and gone after kfree',
    (size) => {
      const [before, free] = [used(), pagesFree()];
      const pointer = heap.kmalloc(size, GFP_KERNEL);
      expect(pointer % (size <= 8 ? 8 : 16)).toBe(0);
      expect(pointer >= POOL_BASE && pointer + size <= USER_BASE).toBe(true);
      expect(used()).toBe(before + size);
      expect(heap.ksize(pointer)).toBeGreaterThanOrEqual(size);
      kernel.domain.bytes.fill(0xff, pointer, pointer + size);
      expect(kernel.check()).toEqual([]);
      heap.kfree(pointer);
      expect([used(), pagesFree()]).toEqual([before, free]);
      expect(kernel.check()).toEqual([]);
      expect(tainted()).toBe(false);
    },
  );

  test.each([24, 5000])('kzalloc, kcalloc and __GFP_ZERO clear %i bytes that were used before', (size) => {
    const dirty = heap.kmalloc(size, GFP_KERNEL);
    kernel.domain.bytes.fill(0xff, dirty, dirty + size);
    heap.kfree(dirty);
    for (const give of [
      () => heap.kzalloc(size, GFP_KERNEL),
      () => heap.kcalloc(1, size, GFP_KERNEL),
      () => heap.kmalloc(size, GFP_ATOMIC | __GFP_ZERO),
      () => heap.kmalloc_array(1, size, GFP_KERNEL | __GFP_ZERO),
      () => heap.kvmalloc(size, GFP_KERNEL | __GFP_ZERO),
    ]) {
      const pointer = give();
      expect(bytesAt(pointer, size).every((byte) => byte === 0)).toBe(true);
      kernel.domain.bytes.fill(0xff, pointer, pointer + size);
      heap.kvfree(pointer);
    }
  });

  test('krealloc keeps what is there, in place and moved, and an object that cannot grow is as it was', () => {
    const before = used();
    let pointer = heap.krealloc(0, 10, GFP_KERNEL);
    kernel.domain.bytes.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], pointer);
    for (const next of [12, 40, 4000, 6000, 7000, 200_000, 150_000, 90_000, 100, 10]) {
      pointer = heap.krealloc(pointer, next, GFP_KERNEL);
      expect(used()).toBe(before + next);
      expect(bytesAt(pointer, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(kernel.check()).toEqual([]);
    }
    expect(heap.krealloc(pointer, KMALLOC_MAX + 1, GFP_KERNEL | __GFP_NOWARN)).toBe(0);
    expect(bytesAt(pointer, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(heap.krealloc(pointer, 0, GFP_KERNEL)).toBe(ZERO_SIZE_PTR);
    expect(used()).toBe(before);
    expect(heap.krealloc(0x1234, 100, GFP_KERNEL)).toBe(0);
    expect(bugs()).toEqual(['Invalid object pointer']);
  });

  test('memory ends: 0, nothing is lost, and all of it comes back', () => {
    shrinkAll(kernel);
    const free = pagesFree();
    for (let round = 0; round < 3; round++) {
      const pointers: number[] = [];
      for (let size = 1 << 20; size >= 16; size >>= 1) {
        let pointer = heap.kmalloc(size, GFP_KERNEL);
        for (; pointer !== 0; pointer = heap.kmalloc(size, GFP_KERNEL)) pointers.push(pointer);
      }
      expect(pointers.length).toBeGreaterThan(20);
      expect(heap.kmalloc(1 << 20, GFP_KERNEL)).toBe(0);
      expect(heap.kzalloc(4096, GFP_KERNEL)).toBe(0);
      expect(pagesFree()).toBe(0);
      expect(kernel.check()).toEqual([expect.stringMatching(/^no memory left: \d+ bytes handed out$/)]);
      for (const pointer of pointers) heap.kfree(pointer);
      expect(pagesFree()).toBe(free);
      expect(kernel.check()).toEqual([]);
    }
    // The log is not filled with it.
    expect(failures()).toEqual([
      expect.stringMatching(/^kernel: page allocation failure: order:\d+, mode:0xcc0\(GFP_KERNEL\)$/),
    ]);
    expect(kernel.log().find((line) => line.startsWith('Normal: '))).toMatch(
      /^Normal: (\d+\*\d+kB ){11}= \d+kB$/,
    );
  });

  test.each([KMALLOC_MAX + 1, 0x7fffffff, -1, -0x80000000])('kmalloc(%i) is refused, and said', (size) => {
    const before = kernel.snapshot();
    expect(heap.kmalloc(size, GFP_KERNEL)).toBe(0);
    expect(heap.kzalloc(size, GFP_ATOMIC | __GFP_NOWARN)).toBe(0);
    expect(kernel.snapshot()).toEqual(before);
    expect(failures()).toHaveLength(1);
  });

  test.each([
    [0x10000, 0x10000],
    [0xffffffff, 2],
    [3, 0x55555556],
  ])('kmalloc_array(%i, %i) would overflow: refused', (count, size) => {
    const before = kernel.snapshot();
    expect(heap.kmalloc_array(count, size, GFP_KERNEL)).toBe(0);
    expect(heap.kcalloc(count, size, GFP_KERNEL)).toBe(0);
    expect(kernel.snapshot()).toEqual(before);
  });

  test('no bytes are a pointer that may be freed and not followed', () => {
    const before = kernel.snapshot();
    expect(heap.kmalloc(0, GFP_KERNEL)).toBe(ZERO_SIZE_PTR);
    expect(heap.kcalloc(0, 100, GFP_KERNEL)).toBe(ZERO_SIZE_PTR);
    expect(heap.ksize(ZERO_SIZE_PTR)).toBe(0);
    heap.kfree(ZERO_SIZE_PTR);
    heap.kfree(0);
    expect(kernel.snapshot()).toEqual(before);
    expect(bugs()).toEqual([]);
  });

  test('a free of what is no object at all changes nothing', () => {
    heap.kmalloc(64, GFP_KERNEL);
    const before = kernel.snapshot();
    const wrong = [20, 4096, POOL_BASE, POOL_BASE + 16, USER_BASE, USER_BASE + 64, 0x7ffffff0, -16];
    for (const each of wrong) heap.kfree(each);
    expect(kernel.snapshot()).toEqual(before);
    expect(bugs()).toEqual(wrong.map(() => 'Invalid object pointer'));
    expect(kernel.check()).toEqual([]);
  });

  test.each([8, 24, 100, 1000, 4096, 10_000])(
    'an object of %i bytes freed twice, or in its middle',
    (size) => {
      const neighbour = heap.kmalloc(size, GFP_KERNEL);
      const pointer = heap.kmalloc(size, GFP_KERNEL);
      const before = kernel.snapshot();
      for (const wrong of [pointer + 1, pointer + 4, pointer - 4]) heap.kfree(wrong);
      expect(bugs()).toEqual(Array.from({ length: 3 }, () => 'Invalid object pointer'));
      expect(kernel.snapshot()).toEqual(before);
      heap.kfree(pointer);
      const after = kernel.snapshot();
      heap.kfree(pointer);
      expect(bugs().at(-1)).toBe(size > 4096 ? 'Invalid object pointer' : 'Object already free');
      expect(kernel.snapshot()).toEqual(after);
      expect(tainted()).toBe(true);
      // It is handed out once, not twice.
      expect(heap.kmalloc(size, GFP_KERNEL)).not.toBe(heap.kmalloc(size, GFP_KERNEL));
      expect(kernel.check()).toEqual([]);
      heap.kfree(neighbour);
    },
  );
});

describe.each([8, 24, 100, 1000, 4096, 10_000])('damage to an object of %i bytes', (size) => {
  test.each([
    ['one byte behind', (pointer: number) => pointer + size],
    ['just before', (pointer: number) => pointer - 1],
    ['at the red zone in front', (pointer: number) => pointer - 16],
  ])('written %s: the check sees it, kfree says it and makes it good', (_, place) => {
    const pointer = heap.kmalloc(size, GFP_KERNEL);
    const at = place(pointer);
    const { bytes } = kernel.domain;
    expect(bytes[at]).toBe(0xcc);
    bytes[at] = 0x41;
    expect(kernel.check()).toEqual([`red zone overwritten: 0x${at.toString(16)}`]);
    heap.kfree(pointer);
    expect(bugs()).toEqual([size > 4096 ? 'Redzone overwritten of object' : 'Redzone overwritten']);
    const place8 = `0x${at.toString(16).padStart(8, '0')}`;
    expect(kernel.log()).toContain(`${place8}-${place8}. First byte 0x41 instead of 0xcc`);
    expect(kernel.check()).toEqual([]);
  });

  test('what is not yet written is poison', () => {
    expect(bytesAt(heap.kmalloc(size, GFP_KERNEL), size).every((byte) => byte === 0x5a)).toBe(true);
  });

  test('written after it was freed: the check sees it, and who gets it next is told', () => {
    const pointer = heap.kmalloc(size, GFP_KERNEL);
    heap.kfree(pointer);
    kernel.domain.bytes[pointer + 5] = 1;
    expect(kernel.check()).toEqual([`write to freed memory: 0x${(pointer + 5).toString(16)}`]);
    const given = Array.from({ length: 100 }, () => heap.kmalloc(size, GFP_KERNEL));
    if (size <= 4096) {
      expect(given).not.toContain(pointer);
      expect(bugs()).toEqual(['Poison overwritten']);
      expect(kernel.log()).toContainEqual(
        expect.stringMatching(/^FIX kmalloc-\w+: Restoring Poison 0x\w+-0x\w+=0x6b$/),
      );
    } else expect(kernel.log()).toContainEqual(expect.stringMatching(/^pagealloc: memory corruption at 0x/));
    expect(tainted()).toBe(true);
    expect(kernel.check()).toEqual([]);
  });
});

test.each([24, 10_000])('krealloc of %i bytes in place says what was written behind them', (size) => {
  const pointer = heap.kmalloc(size, GFP_KERNEL);
  kernel.domain.bytes[pointer + size] = 1;
  expect(heap.krealloc(pointer, size + 4, GFP_KERNEL | __GFP_ZERO)).toBe(pointer);
  expect(bugs()).toEqual([size > 4096 ? 'Redzone overwritten of object' : 'Redzone overwritten']);
  expect(bytesAt(pointer + size, 4)).toEqual([0, 0, 0, 0]);
  expect(kernel.check()).toEqual([]);
});

test('a report tells which cache, who, and where', () => {
  const pointer = heap.kmalloc(100, GFP_KERNEL);
  const start = kernel.log().length;
  kernel.domain.bytes.fill(0, pointer + 100, pointer + 104);
  heap.kfree(pointer);
  const address = '0x[0-9a-f]{8}';
  expect(kernel.log(start).join('\n')).toMatch(
    new RegExp(
      [
        '^BUG kmalloc-128 \\(Not tainted\\): Redzone overwritten',
        'Allocated in kernel, operation 0, age=\\d+',
        `Slab ${address} objects=\\d+ used=\\d+ fp=${address}`,
        `Object ${address} @offset=\\d+ size=100`,
        `${address}-${address}\\. First byte 0x00 instead of 0xcc`,
        `FIX kmalloc-128: Restoring Redzone ${address}-${address}=0xcc$`,
      ].join('\n'),
    ),
  );
  heap.kfree(pointer);
  expect(kernel.log()).toContain('BUG kmalloc-128 (Tainted: G    B): Object already free');
  expect(kernel.log()).toContainEqual(expect.stringMatching(/^Freed in kernel, operation 0, age=\d+$/));
});

test('without debugging nobody sees a write beyond an object or to a free one, and the heap stands all the same', () => {
  boot(SLUB_OFF);
  const pointer = heap.kmalloc(60, GFP_KERNEL);
  const large = heap.kmalloc(10_000, GFP_KERNEL);
  kernel.domain.bytes[pointer + 60] = 1;
  heap.kfree(pointer);
  heap.kfree(large);
  kernel.domain.bytes.fill(0xff, pointer, pointer + 60);
  kernel.domain.bytes.fill(0xff, large, large + 10_000);
  expect(kernel.check()).toEqual([]);
  expect(heap.kmalloc(60, GFP_KERNEL)).toBe(pointer);
  expect(bugs()).toEqual([]);
});

test('one kind of debugging alone: red zones, poison, the chain', () => {
  boot(SLUB_RED_ZONE);
  let pointer = heap.kmalloc(60, GFP_KERNEL);
  kernel.domain.bytes[pointer + 60] = 1;
  heap.kfree(pointer);
  kernel.domain.bytes[pointer + 5] = 1;
  heap.kmalloc(60, GFP_KERNEL);
  expect(bugs()).toEqual(['Redzone overwritten']);

  boot(SLUB_POISON);
  pointer = heap.kmalloc(60, GFP_KERNEL);
  kernel.domain.bytes[pointer + 60] = 1;
  heap.kfree(pointer);
  kernel.domain.bytes[pointer + 5] = 1;
  expect(heap.kmalloc(60, GFP_KERNEL)).not.toBe(pointer);
  expect(bugs()).toEqual(['Poison overwritten']);

  boot(SLUB_CONSISTENCY);
  pointer = heap.kmalloc(60, GFP_KERNEL);
  heap.freeChain(pointer)[0] = 0x44444444;
  expect(kernel.check()[0]).toMatch(/^slab chain broken: 0 of \d+ free objects at 0x/);
  expect(heap.kmalloc(60, GFP_KERNEL)).not.toBe(0);
  expect(bugs()).toEqual(['Freechain corrupt']);
});

test('an entry that was overwritten: its object is left alone', () => {
  const pointer = heap.kmalloc(60, GFP_KERNEL);
  const before = used();
  heap.entry(pointer)[1] = 0x12345678;
  expect(kernel.check()[0]).toMatch(/^object entry overwritten: 0x/);
  heap.kfree(pointer);
  expect(bugs()).toEqual(['Object entry overwritten']);
  expect(used()).toBe(before);
});
