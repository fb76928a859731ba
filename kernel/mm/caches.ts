// kmem_cache_*: caches for objects of one size, made and ended by drivers and by the kernel itself. All are on one list, in
// the order of /proc/slabinfo: the newest first.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE, PAGE_SIZE } from '../abi/map';
import { M_SLABS, M_SLUB_DEBUG } from '../abi/machine';
import { EINVAL } from '../abi/errno';
import { __GFP_ZERO, GFP_KERNEL } from '../abi/gfp';
import {
  CACHE_ALIGN,
  CACHE_CELL,
  CACHE_CHECKSUM,
  CACHE_CTOR,
  CACHE_EMPTY,
  CACHE_FLAGS,
  CACHE_LEFT,
  CACHE_MIN_PAGES,
  CACHE_NAME,
  CACHE_NAME_SIZE,
  CACHE_NEXT,
  CACHE_OBJECT,
  CACHE_OWNER,
  CACHE_PAGES,
  CACHE_RECIPROCAL,
  CACHE_SIZE,
  CACHE_SLABS,
  CACHE_TRACK,
  ENTRY_OWNER,
  ENTRY_SIZE,
  MAX_CACHES,
  PAGE_SLAB,
  PG_HEAD,
  PG_KIND,
  RED_LEFT,
  RED_RIGHT,
  SLUB_CONSISTENCY,
  SLUB_POISON,
  SLUB_RED_ZONE,
  SLUB_STORE_USER,
  TRACK_SIZE,
} from '../abi/heap';
import { FNV_OFFSET, LEVEL_ERR } from '../abi/log';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { fnv, strscpy } from '../lib/text';
import { account, current_owner } from './account';
import { head_of } from './page';
import { bug } from './report';
import { cache_shrink } from './shrink';
import { cache_put, cache_take, used_entry } from './slab';

/** Largest object of a cache, and largest alignment, in bytes. */
const MAX_OBJECT = 0x4000;
const MAX_ALIGN = 1024;
/** Largest slab in pages. */
const MAX_SLAB_PAGES: u32 = 8;

// Linux's bits of kmem_cache_create.
const SLAB_CONSISTENCY_CHECKS = 0x100;
const SLAB_RED_ZONE = 0x400;
const SLAB_POISON = 0x800;
const SLAB_HWCACHE_ALIGN = 0x2000;
const SLAB_STORE_USER = 0x10000;

/** The cache of caches. */
const cache_cache = memory.data(CACHE_SIZE);

export function caches_init(): void {
  store<u32>(MACHINE_BASE, 0, M_SLABS);
  cache_init(cache_cache, cstr('kmem_cache'), CACHE_SIZE, 0, 0, 0);
}


@inline
function round_up(value: u32, to: u32): u32 {
  return (value + to - 1) & ~(to - 1);
}

/** Pages of a slab: the fewest of which little is wasted (Linux's calculate_order). */
function slab_pages(cell: u32): u32 {
  const least = (cell + ENTRY_SIZE + PAGE_SIZE - 1) / PAGE_SIZE;
  for (let fraction: u32 = 16; fraction > 1; fraction >>= 1) {
    for (let pages: u32 = 1; pages <= MAX_SLAB_PAGES; pages <<= 1) {
      const bytes = pages * PAGE_SIZE;
      if (pages >= least && bytes % (cell + ENTRY_SIZE) <= bytes / fraction) return pages;
    }
  }
  return least;
}

/** Draws a cache in `cache` and puts it on the list. */
export function cache_init(cache: usize, name: usize, size: u32, align: u32, flags: u32, ctor: u32): void {
  let debug = load<u32>(MACHINE_BASE, M_SLUB_DEBUG);
  if (flags & SLAB_CONSISTENCY_CHECKS) debug |= SLUB_CONSISTENCY;
  if (flags & SLAB_RED_ZONE) debug |= SLUB_RED_ZONE;
  if (flags & SLAB_POISON) debug |= SLUB_POISON;
  if (flags & SLAB_STORE_USER) debug |= SLUB_STORE_USER;
  if (flags & SLAB_HWCACHE_ALIGN && align < 64) align = 64;
  if (!align) align = size <= 8 ? 8 : 16;
  if (debug & SLUB_STORE_USER && align < 8) align = 8;
  if (align < 4) align = 4;
  const left: u32 = debug & SLUB_RED_ZONE ? max<u32>(RED_LEFT, align) : 0;
  const track = round_up(left + size + (debug & SLUB_RED_ZONE ? RED_RIGHT : 0), 4);
  const cell = round_up(track + (debug & SLUB_STORE_USER ? TRACK_SIZE * 2 : 0), align);
  const pages = slab_pages(cell);
  memory.fill(cache, 0, CACHE_SIZE);
  store<u32>(cache, debug, CACHE_FLAGS);
  store<u32>(cache, size, CACHE_OBJECT);
  store<u32>(cache, cell, CACHE_CELL);
  store<u32>(cache, <u32>((0x100000000 + <u64>cell - 1) / <u64>cell), CACHE_RECIPROCAL);
  store<u32>(cache, left, CACHE_LEFT);
  store<u32>(cache, track, CACHE_TRACK);
  store<u32>(cache, pages, CACHE_PAGES);
  store<u32>(cache, (cell + ENTRY_SIZE + PAGE_SIZE - 1) / PAGE_SIZE, CACHE_MIN_PAGES);
  store<u32>(cache, align, CACHE_ALIGN);
  store<u32>(cache, ctor, CACHE_CTOR);
  strscpy(cache + CACHE_NAME, name, CACHE_NAME_SIZE);
  const sum = fnv(FNV_OFFSET, cache + CACHE_OBJECT, CACHE_MIN_PAGES + 4 - CACHE_OBJECT);
  store<u32>(cache, fnv(sum, cache + CACHE_NAME, CACHE_NAME_SIZE), CACHE_CHECKSUM);
  store<u32>(cache, load<u32>(MACHINE_BASE, M_SLABS), CACHE_NEXT);
  store<u32>(MACHINE_BASE, <u32>cache, M_SLABS);
}

/** Whether `cache` is one: a driver may hand in anything. */
export function is_cache(cache: usize): bool {
  let at = <usize>load<u32>(MACHINE_BASE, M_SLABS);
  for (let i = 0; at && i < MAX_CACHES; i++) {
    if (at == cache) return true;
    at = <usize>load<u32>(at, CACHE_NEXT);
  }
  return false;
}

/**
 * Makes a cache of objects of `size` bytes.
 * @param align power of two up to 1024, or 0 for what suits the size
 * @param ctor table index of (object) -> void, run once for each object of a new slab; 0 for none
 * @returns struct kmem_cache, or 0: bad arguments or no memory
 */
export function kmem_cache_create(name: usize, size: u32, align: u32, flags: u32, ctor: u32): usize {
  if (!name || !size || size > <u32>MAX_OBJECT || align > <u32>MAX_ALIGN || align & (align - 1)) {
    pr(LEVEL_ERR, cstr('kmem_cache_create(%s) failed with error %d'), name, -EINVAL);
    return 0;
  }
  const owner = current_owner();
  const cache = cache_take(cache_cache, owner, CACHE_SIZE, GFP_KERNEL);
  if (!cache) return 0;
  cache_init(cache, name, size, align, flags, ctor);
  store<u32>(cache, <u32>owner, CACHE_OWNER);
  return cache;
}
EXPORT_SYMBOL(kmem_cache_create);

/** An object for the module that runs. @returns 0 when there is no memory */
export function kmem_cache_alloc(cache: usize, flags: u32): usize {
  const size = load<u32>(cache, CACHE_OBJECT);
  // What a constructor has made is not cleared.
  if (load<u32>(cache, CACHE_CTOR)) flags &= ~__GFP_ZERO;
  return cache_take(cache, current_owner(), size, flags);
}
EXPORT_SYMBOL(kmem_cache_alloc);

/** Gives an object back to the cache it is from; 0 is allowed, anything else is reported and changes nothing. */
export function kmem_cache_free(cache: usize, object: usize): void {
  if (!object) return;
  const page = head_of(object);
  if (!page || load<u8>(page, PG_KIND) != PAGE_SLAB) {
    bug(cache + CACHE_NAME, cstr('Invalid object pointer'), object);
    return;
  }
  const owner = <usize>load<u32>(page, PG_HEAD);
  if (owner != cache) {
    pr(
      LEVEL_ERR,
      cstr('cache_from_obj: Wrong slab cache. %s but object is from %s'),
      cache + CACHE_NAME,
      owner + CACHE_NAME,
    );
    bug(cache + CACHE_NAME, cstr('Invalid object pointer'), object);
    return;
  }
  const entry = used_entry(page, cache, object);
  if (entry) cache_put(page, cache, entry, object);
}
EXPORT_SYMBOL(kmem_cache_free);

export function kmem_cache_size(cache: usize): u32 {
  return load<u32>(cache, CACHE_OBJECT);
}
EXPORT_SYMBOL(kmem_cache_size);

/** Gives empty slabs back. @returns 0 when the cache has no slab left, as Linux */
export function kmem_cache_shrink(cache: usize): i32 {
  cache_shrink(cache);
  return load<u32>(cache, CACHE_SLABS) ? 1 : 0;
}
EXPORT_SYMBOL(kmem_cache_shrink);

/** Ends a cache; 0 is allowed. One with objects in use is reported and stays. */
export function kmem_cache_destroy(cache: usize): void {
  if (!cache) return;
  if (!is_cache(cache) || cache < <usize>MACHINE_BASE) {
    bug(cstr('kmem_cache_destroy'), cstr('Invalid cache'), cache);
    return;
  }
  if (!cache_end(cache)) {
    bug(cache + CACHE_NAME, cstr('Objects remaining on __kmem_cache_shutdown() of cache'), cache);
    pr(
      LEVEL_ERR,
      cstr('kmem_cache_destroy %s: Slab cache still has objects when called'),
      cache + CACHE_NAME,
    );
  }
}
EXPORT_SYMBOL(kmem_cache_destroy);

/** Makes a module's cache the kernel's: it stays when the module goes. */
export function cache_adopt(cache: usize): void {
  const owner = <usize>load<u32>(cache, CACHE_OWNER);
  const page = head_of(cache);
  const entry = page ? used_entry(page, cache_cache, cache) : 0;
  if (!owner || !entry) return;
  account(owner, -CACHE_SIZE, -1);
  account(0, CACHE_SIZE, 1);
  store<u32>(entry, 0, ENTRY_OWNER);
  store<u32>(cache, 0, CACHE_OWNER);
}

/** Takes a cache without objects off the list and frees it. @returns false where it has objects */
export function cache_end(cache: usize): bool {
  if (load<u32>(cache, CACHE_EMPTY)) cache_shrink(cache);
  if (load<u32>(cache, CACHE_SLABS)) return false;
  let link = <usize>(MACHINE_BASE + M_SLABS);
  for (let i = 0; load<u32>(link) && <usize>load<u32>(link) != cache && i < MAX_CACHES; i++)
    link = <usize>load<u32>(link) + CACHE_NEXT;
  const page = head_of(cache);
  const entry = page ? used_entry(page, cache_cache, cache) : 0;
  if (!entry) return true; // one of the kernel's own, which lies in its data
  if (<usize>load<u32>(link) == cache) store<u32>(link, load<u32>(cache, CACHE_NEXT));
  cache_put(page, cache_cache, entry, cache);
  return true;
}
