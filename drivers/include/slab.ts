// Memory of the domain the driver lives in. Whatever a driver does not give back is listed in the log and freed when it is
// unloaded. `flags` say what an allocation may do: GFP_KERNEL where nothing is said, GFP_ATOMIC takes what is free at once;
// | __GFP_ZERO clears, | __GFP_NOWARN keeps a failure out of the log.
//
// Every function that gives memory answers 0 when there is none.

import { __GFP_ZERO, GFP_KERNEL } from '../../kernel/abi/gfp';
import { KMALLOC_MAX, ZERO_SIZE_PTR } from '../../kernel/abi/heap';

export {
  __GFP_HIGH,
  __GFP_NORETRY,
  __GFP_NOWARN,
  __GFP_ZERO,
  GFP_ATOMIC,
  GFP_KERNEL,
  GFP_NOWAIT,
} from '../../kernel/abi/gfp';

/** kmalloc's largest object in bytes: 4 MiB. Beyond it: vmalloc, kvmalloc. */
export const KMALLOC_MAX_SIZE: usize = KMALLOC_MAX;


@external("env", "kmalloc")
declare function env_kmalloc(size: usize, flags: u32): usize;


@external("env", "kmalloc_array")
declare function env_kmalloc_array(count: usize, size: usize, flags: u32): usize;


@external("env", "krealloc")
declare function env_krealloc(pointer: usize, size: usize, flags: u32): usize;


@external("env", "kvmalloc")
declare function env_kvmalloc(size: usize, flags: u32): usize;


@external("env", "kmem_cache_create")
declare function env_kmem_cache_create(name: usize, size: u32, align: u32, flags: u32, ctor: u32): usize;


@external("env", "kmem_cache_alloc")
declare function env_kmem_cache_alloc(cache: usize, flags: u32): usize;


@external("env", "__get_free_pages")
declare function env_get_free_pages(flags: u32, order: u32): usize;

/** @returns `size` bytes aligned to 16, not cleared, or 0 when there is no memory; no bytes are a pointer nobody may follow */
// @ts-ignore: decorator
@inline
export function kmalloc(size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kmalloc(size, flags);
}

/** kmalloc, cleared. */
// @ts-ignore: decorator
@inline
export function kzalloc(size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kmalloc(size, flags | __GFP_ZERO);
}

/** Room for `count` members of `size` bytes; 0 also where the product is no size. */
// @ts-ignore: decorator
@inline
export function kmalloc_array(count: usize, size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kmalloc_array(count, size, flags);
}

/** kmalloc_array, cleared. */
// @ts-ignore: decorator
@inline
export function kcalloc(count: usize, size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kmalloc_array(count, size, flags | __GFP_ZERO);
}

/** An object with another size, moved if it must be. @returns 0 when there is no memory: the old one is as it was */
// @ts-ignore: decorator
@inline
export function krealloc(pointer: usize, size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_krealloc(pointer, size, flags);
}

/** Bytes of an object that may be used: at least what was asked for. */
@external("env", "ksize")
export declare function ksize(pointer: usize): usize;

/** Gives memory back; 0 is allowed. */
@external("env", "kfree")
export declare function kfree(pointer: usize): void;

/** Whether a pointer is 0 or what kmalloc gives for no bytes. */
// @ts-ignore: decorator
@inline
export function ZERO_OR_NULL(pointer: usize): bool {
  return pointer <= <usize>ZERO_SIZE_PTR;
}

/** kmalloc where that can be had, else vmalloc; freed by kvfree. */
// @ts-ignore: decorator
@inline
export function kvmalloc(size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kvmalloc(size, flags);
}

/** kvmalloc, cleared. */
// @ts-ignore: decorator
@inline
export function kvzalloc(size: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kvmalloc(size, flags | __GFP_ZERO);
}

/** Frees what kvmalloc, kmalloc or vmalloc gave; 0 is allowed. */
@external("env", "kvfree")
export declare function kvfree(pointer: usize): void;

/** Whole pages, for what is too large for kmalloc. Begins with a page, not cleared. */
@external("env", "vmalloc")
export declare function vmalloc(size: usize): usize;

/** vmalloc, cleared. */
@external("env", "vzalloc")
export declare function vzalloc(size: usize): usize;

/** Gives an area back; 0 is allowed. */
@external("env", "vfree")
export declare function vfree(address: usize): void;

/** `1 << order` pages of 4 KiB, aligned to their size; order 0 to 10. */
// @ts-ignore: decorator
@inline
export function __get_free_pages(flags: u32, order: u32): usize {
  return env_get_free_pages(flags, order);
}

// @ts-ignore: decorator
@inline
export function __get_free_page(flags: u32 = GFP_KERNEL): usize {
  return env_get_free_pages(flags, 0);
}

// @ts-ignore: decorator
@inline
export function get_zeroed_page(flags: u32 = GFP_KERNEL): usize {
  return env_get_free_pages(flags | __GFP_ZERO, 0);
}

/** Gives pages back, with the order they were asked for with; 0 is allowed. */
@external("env", "free_pages")
export declare function free_pages(address: usize, order: u32): void;

/** Red zones, poison, tracks and checks for one cache, whatever slub_debug says; a cache line's alignment. */
export const SLAB_CONSISTENCY_CHECKS: u32 = 0x100;
export const SLAB_RED_ZONE: u32 = 0x400;
export const SLAB_POISON: u32 = 0x800;
export const SLAB_HWCACHE_ALIGN: u32 = 0x2000;
export const SLAB_STORE_USER: u32 = 0x10000;

/**
 * A cache of objects of one size, up to 16 KiB.
 * @param name C string, copied
 * @param align power of two up to 1024, 0 for what suits the size
 * @param ctor operation(fn) of a function (object: usize) => void that is run once for each object of a new slab
 * @returns struct kmem_cache, or 0
 */
// @ts-ignore: decorator
@inline
export function kmem_cache_create(
  name: usize,
  size: u32,
  align: u32 = 0,
  flags: u32 = 0,
  ctor: u32 = 0,
): usize {
  return env_kmem_cache_create(name, size, align, flags, ctor);
}

// @ts-ignore: decorator
@inline
export function kmem_cache_alloc(cache: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kmem_cache_alloc(cache, flags);
}

/** kmem_cache_alloc, cleared; not for caches with a constructor. */
// @ts-ignore: decorator
@inline
export function kmem_cache_zalloc(cache: usize, flags: u32 = GFP_KERNEL): usize {
  return env_kmem_cache_alloc(cache, flags | __GFP_ZERO);
}

/** Gives an object back to its cache; 0 is allowed. */
@external("env", "kmem_cache_free")
export declare function kmem_cache_free(cache: usize, object: usize): void;

/** Bytes of a cache's objects. */
@external("env", "kmem_cache_size")
export declare function kmem_cache_size(cache: usize): u32;

/** Gives empty slabs back. @returns 0 when the cache has no slab left */
@external("env", "kmem_cache_shrink")
export declare function kmem_cache_shrink(cache: usize): i32;

/** Ends a cache; its objects must have been freed. 0 is allowed. */
@external("env", "kmem_cache_destroy")
export declare function kmem_cache_destroy(cache: usize): void;
