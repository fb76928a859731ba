// The allocators under a seeded random workload against a simple model: who has which bytes, and what is in them. No object
// overlaps another, each keeps what was written to it, accounts are right, and in the end every page is free and joined.

import { beforeAll, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import { __GFP_NOWARN, __GFP_ZERO, GFP_ATOMIC, GFP_KERNEL } from '../../kernel/abi/gfp.ts';
import { KMALLOC_MAX, SLUB_OFF } from '../../kernel/abi/heap.ts';
import { PAGE_SIZE, POOL_BASE, USER_BASE } from '../../kernel/abi/map.ts';
import { rounds } from '../long.ts';
import { freeBlocks, heapOf, shrinkAll } from '../support/heap.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

/** A tenth of the million that the long run does, with and without debugging. */
const OPERATIONS = rounds(100_000, 1_000_000);
const SEED = 20260114;
/** Bytes in use beyond which more is given back than taken. */
const PLENTY = 12e6;
const CACHE_SIZES = [12, 40, 100, 520, 3000, 9000];

interface Held {
  pointer: number;
  size: number;
  fill: number;
  free(): void;
  /** Only what kmalloc gave may grow. */
  kmalloc: boolean;
}

let image: LoadedModule;
beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});

function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

class Workload {
  readonly kernel: TestKernel;
  private readonly heap;
  private readonly bytes;
  private readonly next = generator(SEED);
  private readonly live: Held[] = [];
  /** 1 for each byte that somebody has. */
  private readonly owned = Buffer.alloc(USER_BASE);
  private readonly caches: { cache: number; size: number; objects: number }[] = [];
  private readonly before: number;
  total = 0;
  refused = 0;

  constructor(kernel: TestKernel) {
    this.kernel = kernel;
    this.heap = heapOf(kernel);
    this.bytes = Buffer.from(kernel.memory.buffer);
    this.before = this.used();
  }

  private used(): number {
    return readAccounting(this.kernel.memory).bytesUsed;
  }

  private size(): number {
    const { next } = this;
    return [() => next(17), () => next(200), () => next(4200), () => next(40_000), () => next(300_000)][
      [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4][next(12)]!
    ]!();
  }

  /** An object that was given: it lies in the pool, nobody else has a byte of it, and it holds zeros where it must. */
  private take(pointer: number, size: number, zeroed: boolean, free: () => void, kmalloc = false): void {
    if (pointer === 0) {
      this.refused++;
      return;
    }
    if (size > 0) {
      if (pointer < POOL_BASE || pointer + size > USER_BASE) throw new Error(`not in the pool: ${pointer}`);
      const mine = this.owned.subarray(pointer, pointer + size);
      if (mine.includes(1)) throw new Error(`${size} bytes at ${pointer} overlap another object`);
      mine.fill(1);
      if (zeroed && !this.isFilled(pointer, size, 0))
        throw new Error(`${size} bytes at ${pointer} are not cleared`);
    }
    const held = { pointer, size, fill: 1 + this.next(255), free, kmalloc };
    this.bytes.fill(held.fill, pointer, pointer + size);
    this.live.push(held);
    this.total += size;
  }

  /** Looks whether an object holds what was written to it, up to `count` bytes. */
  private verify({ pointer, size, fill }: Held, count = size): void {
    if (!this.isFilled(pointer, Math.min(size, count), fill))
      throw new Error(`the object of ${size} bytes at ${pointer} has changed`);
  }

  /** Whether every byte is `fill`: the first one is, and each is as the one before it. */
  private isFilled(pointer: number, size: number, fill: number): boolean {
    const { bytes } = this;
    const end = pointer + size;
    if (size === 0) return true;
    return bytes[pointer] === fill && bytes.compare(bytes, pointer, end - 1, pointer + 1, end) === 0;
  }

  private give(at: number): void {
    const held = this.live[at]!;
    this.verify(held);
    this.owned.fill(0, held.pointer, held.pointer + held.size);
    this.total -= held.size;
    this.live[at] = this.live.at(-1)!;
    this.live.pop();
    held.free();
  }

  private grow(at: number): void {
    const held = this.live[at]!;
    if (!held.kmalloc) return;
    const size = 1 + this.size();
    const moved = this.heap.krealloc(held.pointer, size, GFP_KERNEL | __GFP_NOWARN);
    if (moved === 0) return this.verify(held);
    this.owned.fill(0, held.pointer, held.pointer + held.size);
    this.verify({ ...held, pointer: moved }, size);
    this.live[at] = this.live.at(-1)!;
    this.live.pop();
    this.total -= held.size;
    this.take(moved, size, false, () => this.heap.kfree(moved), true);
  }

  private allocate(): void {
    const { heap, next } = this;
    const zeroed = next(3) === 0;
    const flags = (next(2) ? GFP_KERNEL : GFP_ATOMIC) | __GFP_NOWARN | (zeroed ? __GFP_ZERO : 0);
    const kind = next(20);
    if (kind < 12) {
      const size = this.size();
      const pointer =
        kind < 8
          ? heap.kmalloc(size, flags)
          : kind < 10
            ? heap.kmalloc_array(size, 1, flags)
            : heap.kvmalloc(size, flags);
      const free = kind < 10 ? heap.kfree : heap.kvfree;
      this.take(pointer, size, zeroed, () => free(pointer), kind < 10 && size > 0);
    } else if (kind < 16) {
      const about = this.caches[next(this.caches.length + 1)];
      if (!about) return this.changeCaches();
      const pointer = heap.kmem_cache_alloc(about.cache, flags);
      if (pointer !== 0) about.objects++;
      this.take(pointer, about.size, zeroed, () => {
        about.objects--;
        heap.kmem_cache_free(about.cache, pointer);
      });
    } else if (kind < 18) {
      const order = next(next(4) === 0 ? 7 : 3);
      const pointer = heap.__get_free_pages(flags, order);
      if (pointer % (PAGE_SIZE << order) !== 0)
        throw new Error(`pages not aligned: ${pointer}, order ${order}`);
      this.take(pointer, PAGE_SIZE << order, zeroed, () => heap.free_pages(pointer, order));
    } else {
      const size = 1 + next(next(10) === 0 ? KMALLOC_MAX + 100_000 : 60_000);
      const pointer = zeroed ? heap.vzalloc(size) : heap.vmalloc(size);
      this.take(pointer, size, zeroed, () => heap.vfree(pointer));
    }
  }

  /** Makes a cache, or ends one that has no objects. */
  private changeCaches(): void {
    const { heap, next, kernel } = this;
    const idle = this.caches.findIndex(({ objects }) => objects === 0);
    if (idle >= 0 && this.caches.length > 2) {
      heap.kmem_cache_destroy(this.caches[idle]!.cache);
      this.caches.splice(idle, 1);
    } else if (this.caches.length < 8) {
      const size = CACHE_SIZES[next(CACHE_SIZES.length)]!;
      const cache = heap.kmem_cache_create(
        kernel.domain.text(`test-${size}`),
        size,
        [0, 8, 64][next(3)]!,
        0,
        0,
      );
      if (cache !== 0) this.caches.push({ cache, size, objects: 0 });
    }
  }

  step(): void {
    const { next, live } = this;
    const turn = next(100);
    if (live.length > 0 && turn < (this.total > PLENTY ? 70 : 47)) this.give(next(live.length));
    else if (live.length > 0 && turn < 52) this.grow(next(live.length));
    else this.allocate();
    if (turn === 99) shrinkOne(this.kernel, next);
  }

  check(): void {
    expect(this.kernel.check()).toEqual([]);
    expect(this.used() - this.before).toBeGreaterThanOrEqual(this.total);
  }

  end(): void {
    while (this.live.length > 0) this.give(this.live.length - 1);
    for (const { cache } of this.caches) this.heap.kmem_cache_destroy(cache);
    expect(this.used()).toBe(this.before);
    expect(this.owned.includes(1)).toBe(false);
  }
}

function shrinkOne(kernel: TestKernel, next: (limit: number) => number): void {
  if (next(50) === 0) shrinkAll(kernel);
}

test.each([
  ['with debugging', 0],
  ['without debugging', SLUB_OFF],
])(`${OPERATIONS} operations against a model, %s (seed ${SEED})`, (_, slubDebug) => {
  const kernel = new TestKernel(image, undefined, slubDebug);
  shrinkAll(kernel);
  const before = { ...readAccounting(kernel.memory), blocks: freeBlocks(kernel) };
  const workload = new Workload(kernel);
  for (let i = 0; i < OPERATIONS; i++) {
    workload.step();
    if (i % (OPERATIONS / 20) === 0) workload.check();
  }
  workload.end();
  expect(kernel.check()).toEqual([]);
  shrinkAll(kernel);
  // Nothing has leaked, and every free page is where it was, in the same blocks.
  expect({ ...readAccounting(kernel.memory), blocks: freeBlocks(kernel) }).toEqual(before);
  expect(kernel.check()).toEqual([]);
  expect(kernel.log().filter((line) => /BUG|corruption/.test(line))).toEqual([]);
  // Half of the memory is in use: hardly anything but an area of megabytes finds no place.
  expect(workload.refused).toBeLessThan(OPERATIONS / 200);
});
