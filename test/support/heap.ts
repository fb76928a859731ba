// The allocators of a test kernel, called directly, and a look at their structures.

import type { TestKernel } from './kernel.ts';
import {
  AREA_COUNT,
  AREA_SIZE,
  CACHE_CELL,
  CACHE_LEFT,
  CACHE_NAME,
  CACHE_NAME_SIZE,
  CACHE_NEXT,
  MAX_ORDER,
  PAGE_TAIL,
  PG_ENTRIES,
  PG_FREE,
  PG_HEAD,
  PG_KIND,
  PG_SIZE,
} from '../../kernel/abi/heap.ts';
import { M_FREE_AREAS, M_SLABS } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE, PAGE_SIZE, POOL_BASE } from '../../kernel/abi/map.ts';

/** The C ABI of kernel/mm. */
interface Functions {
  kmalloc(size: number, flags: number): number;
  kzalloc(size: number, flags: number): number;
  kmalloc_array(count: number, size: number, flags: number): number;
  kcalloc(count: number, size: number, flags: number): number;
  krealloc(pointer: number, size: number, flags: number): number;
  ksize(pointer: number): number;
  kfree(pointer: number): void;
  kvmalloc(size: number, flags: number): number;
  kvfree(pointer: number): void;
  vmalloc(size: number): number;
  vzalloc(size: number): number;
  vfree(address: number): void;
  kmem_cache_create(name: number, size: number, align: number, flags: number, ctor: number): number;
  kmem_cache_alloc(cache: number, flags: number): number;
  kmem_cache_free(cache: number, object: number): void;
  kmem_cache_size(cache: number): number;
  kmem_cache_shrink(cache: number): number;
  kmem_cache_destroy(cache: number): void;
  __get_free_pages(flags: number, order: number): number;
  get_zeroed_page(flags: number): number;
  free_pages(address: number, order: number): void;
}

export interface Heap extends Functions {
  /** The two words of an object's entry. */
  entry(pointer: number): Int32Array;
  /** The word in which the free chain of an object's slab begins. */
  freeChain(pointer: number): Int32Array;
}

export function heapOf(kernel: TestKernel): Heap {
  const { view, words } = kernel;
  const slabOf = (pointer: number): number => {
    const page = POOL_BASE + Math.floor((pointer - POOL_BASE) / PAGE_SIZE) * PG_SIZE;
    return view.u8(page + PG_KIND) === PAGE_TAIL ? view.u32(page + PG_HEAD) : page;
  };
  const at = (address: number, count: number): Int32Array =>
    words.subarray(address >> 2, (address >> 2) + count);
  return {
    ...(kernel.exports as unknown as Functions),
    entry(pointer) {
      const page = slabOf(pointer);
      const cache = view.u32(page + PG_HEAD);
      const base = POOL_BASE + ((page - POOL_BASE) / PG_SIZE) * PAGE_SIZE;
      const index = (pointer - base - view.u32(cache + CACHE_LEFT)) / view.u32(cache + CACHE_CELL);
      return at(view.u32(page + PG_ENTRIES) + index * 8, 2);
    },
    freeChain: (pointer) => at(slabOf(pointer) + PG_FREE, 1),
  };
}

/** Names of all caches, newest first, with their addresses. */
export function cachesOf({ view }: TestKernel): Map<string, number> {
  const caches = new Map<string, number>();
  for (let cache = view.u32(MACHINE_BASE + M_SLABS); cache !== 0; cache = view.u32(cache + CACHE_NEXT))
    caches.set(view.text(cache + CACHE_NAME, CACHE_NAME_SIZE), cache);
  return caches;
}

/** Has every cache give back the slabs it does not need. */
export function shrinkAll(kernel: TestKernel): void {
  const { kmem_cache_shrink } = kernel.exports as unknown as Functions;
  for (const cache of cachesOf(kernel).values()) kmem_cache_shrink(cache);
}

/** Free blocks of each order. */
export function freeBlocks({ view }: TestKernel): number[] {
  const areas = view.u32(MACHINE_BASE + M_FREE_AREAS);
  return Array.from({ length: MAX_ORDER + 1 }, (_, order) =>
    view.u32(areas + order * AREA_SIZE + AREA_COUNT),
  );
}
