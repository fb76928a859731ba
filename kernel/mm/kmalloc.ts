// kmalloc and its family: objects up to a page come from caches of fixed sizes, larger ones are page runs of their own. A
// pointer knows where it is from by its page.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE, PAGE_SIZE } from '../abi/map';
import { M_SLUB_DEBUG } from '../abi/machine';
import { __GFP_ZERO, GFP_KERNEL } from '../abi/gfp';
import {
  CACHE_FLAGS,
  CACHE_OBJECT,
  CACHE_SIZE,
  ENTRY_BYTES,
  ENTRY_OWNER,
  KMALLOC_MAX,
  KMALLOC_MAX_CACHE,
  PAGE_LARGE,
  PAGE_SLAB,
  PG_BYTES,
  PG_HEAD,
  PG_KIND,
  PG_OWNER,
  PG_PAGES,
  RED_RIGHT,
  SLUB_RED_ZONE,
  ZERO_SIZE_PTR,
} from '../abi/heap';
import { cstr } from '../lib/cstr';
import { account, current_owner } from './account';
import { cache_init, caches_init } from './caches';
import {
  debug_large_alloc,
  debug_large_used,
  debug_large_sized,
  debug_sized,
  debug_used,
  large_left,
} from './debug';
import { warn_alloc } from './failure';
import { head_of, page_address } from './page';
import { free_owned_run, get_owned_run } from './pages';
import { bug } from './report';
import { cache_put, cache_take, used_entry } from './slab';

const CACHES = 12;
const caches = memory.data(1152); // CACHES * CACHE_SIZE
/** Which cache has room for a size, by its eighths of 8 bytes: address of its struct. */
const by_size = memory.data(2052); // (KMALLOC_MAX_CACHE / 8 + 1) words

export function kmalloc_init(): void {
  caches_init();
  let filled: u32 = 0;
  for (let i: u32 = 0; i < <u32>CACHES; i++) {
    const cache = caches + i * CACHE_SIZE;
    const size = cache_size(i);
    cache_init(cache, cache_name(i), size, 0, 0, 0);
    for (; filled <= size / 8; filled++) store<u32>(by_size + (filled << 2), <u32>cache);
  }
}

/** 8 16 32 64 96 128 192 256 512 1024 2048 4096 */
function cache_size(i: u32): u32 {
  if (i == 4) return 96;
  if (i == 6) return 192;
  return i < 4 ? 8 << i : i == 5 ? 128 : 256 << (i - 7);
}

function cache_name(i: u32): usize {
  if (i == 0) return cstr('kmalloc-8');
  if (i == 1) return cstr('kmalloc-16');
  if (i == 2) return cstr('kmalloc-32');
  if (i == 3) return cstr('kmalloc-64');
  if (i == 4) return cstr('kmalloc-96');
  if (i == 5) return cstr('kmalloc-128');
  if (i == 6) return cstr('kmalloc-192');
  if (i == 7) return cstr('kmalloc-256');
  if (i == 8) return cstr('kmalloc-512');
  if (i == 9) return cstr('kmalloc-1k');
  if (i == 10) return cstr('kmalloc-2k');
  return cstr('kmalloc-4k');
}

/**
 * Memory for the module that runs (the kernel itself between calls).
 * @returns a pointer aligned to 16 (8 for objects of 8 bytes), or 0; ZERO_SIZE_PTR for no bytes
 */
export function kmalloc(size: usize, flags: u32): usize {
  return kmalloc_for(current_owner(), size, flags);
}
EXPORT_SYMBOL(kmalloc);

/** Memory accounted to `owner`: a struct module, or 0 for the kernel. */
export function kmalloc_for(owner: usize, size: usize, flags: u32 = GFP_KERNEL): usize {
  if (size - 1 >= <usize>KMALLOC_MAX_CACHE) return kmalloc_large(owner, size, flags);
  return cache_take(<usize>load<u32>(by_size + (((size + 7) >> 3) << 2)), owner, size, flags);
}

/** What no cache has: nothing, whole pages, or too much. */
function kmalloc_large(owner: usize, size: usize, flags: u32): usize {
  if (!size) return ZERO_SIZE_PTR;
  if (size > <usize>KMALLOC_MAX) {
    warn_alloc(flags, 32 - clz((size - 1) / PAGE_SIZE));
    return 0;
  }
  const left = large_left();
  const zones = left ? left + RED_RIGHT : 0;
  const page = get_owned_run(owner, (size + zones + PAGE_SIZE - 1) / PAGE_SIZE, size, PAGE_LARGE, flags);
  if (!page) return 0;
  if (load<u32>(MACHINE_BASE, M_SLUB_DEBUG)) debug_large_alloc(page);
  const object = page_address(page) + left;
  if (flags & __GFP_ZERO) memory.fill(object, 0, size);
  return object;
}

/** kmalloc, cleared. */
export function kzalloc(size: usize, flags: u32): usize {
  return kmalloc(size, flags | __GFP_ZERO);
}
EXPORT_SYMBOL(kzalloc);

/** Room for `count` members of `size` bytes. @returns 0 also where the product does not fit into 32 bits */
export function kmalloc_array(count: usize, size: usize, flags: u32): usize {
  const bytes = <u64>count * <u64>size;
  return bytes >> 32 ? 0 : kmalloc(<usize>bytes, flags);
}
EXPORT_SYMBOL(kmalloc_array);

/** kmalloc_array, cleared. */
export function kcalloc(count: usize, size: usize, flags: u32): usize {
  return kmalloc_array(count, size, flags | __GFP_ZERO);
}
EXPORT_SYMBOL(kcalloc);


@inline
function is_large(page: usize, pointer: usize): bool {
  return load<u8>(page, PG_KIND) == PAGE_LARGE && pointer == page_address(page) + large_left();
}

/** Gives memory back; 0 and ZERO_SIZE_PTR are allowed. A double or invalid free is reported and changes nothing. */
export function kfree(pointer: usize): void {
  const page = head_of(pointer);
  if (page && load<u8>(page, PG_KIND) == PAGE_SLAB) {
    const cache = <usize>load<u32>(page, PG_HEAD);
    const entry = used_entry(page, cache, pointer);
    if (entry) cache_put(page, cache, entry, pointer);
    return;
  }
  if (pointer <= <usize>ZERO_SIZE_PTR) return;
  if (!page || !is_large(page, pointer)) return bug(cstr('kfree'), cstr('Invalid object pointer'), pointer);
  debug_large_used(page);
  free_owned_run(page);
}
EXPORT_SYMBOL(kfree);

/** Bytes that may be used of what kmalloc gave: with red zones what was asked for, else as much as its cell has. */
export function ksize(pointer: usize): usize {
  if (pointer <= <usize>ZERO_SIZE_PTR) return 0;
  const page = head_of(pointer);
  if (page && load<u8>(page, PG_KIND) == PAGE_SLAB) {
    const cache = <usize>load<u32>(page, PG_HEAD);
    const entry = used_entry(page, cache, pointer);
    if (!entry) return 0;
    return load<u32>(cache, CACHE_FLAGS) & SLUB_RED_ZONE
      ? load<u32>(entry, ENTRY_BYTES)
      : load<u32>(cache, CACHE_OBJECT);
  }
  if (!page || !is_large(page, pointer)) {
    bug(cstr('ksize'), cstr('Invalid object pointer'), pointer);
    return 0;
  }
  return large_left() ? load<u32>(page, PG_BYTES) : load<u32>(page, PG_PAGES) * PAGE_SIZE;
}
EXPORT_SYMBOL(ksize);

/**
 * Changes an object's size, in place where its cell has the room. What is there is kept; the object stays whose it was.
 * @returns 0 when there is no memory: the old object is as it was
 */
export function krealloc(pointer: usize, size: usize, flags: u32): usize {
  if (pointer <= <usize>ZERO_SIZE_PTR) return kmalloc(size, flags);
  if (!size) {
    kfree(pointer);
    return ZERO_SIZE_PTR;
  }
  const page = head_of(pointer);
  let old: usize;
  let owner: usize;
  if (page && load<u8>(page, PG_KIND) == PAGE_SLAB) {
    const cache = <usize>load<u32>(page, PG_HEAD);
    const entry = used_entry(page, cache, pointer);
    if (!entry) return 0;
    old = load<u32>(entry, ENTRY_BYTES);
    owner = <usize>load<u32>(entry, ENTRY_OWNER);
    if (size <= <usize>load<u32>(cache, CACHE_OBJECT)) {
      debug_used(page, cache, entry, pointer);
      if (flags & __GFP_ZERO && size > old) memory.fill(pointer + old, 0, size - old);
      store<u32>(entry, <u32>size, ENTRY_BYTES);
      account(owner, <i32>(size - old), 0);
      debug_sized(cache, pointer, size);
      return pointer;
    }
  } else {
    if (!page || !is_large(page, pointer)) {
      bug(cstr('krealloc'), cstr('Invalid object pointer'), pointer);
      return 0;
    }
    old = load<u32>(page, PG_BYTES);
    owner = <usize>load<u32>(page, PG_OWNER);
    const left = large_left();
    const room = load<u32>(page, PG_PAGES) * PAGE_SIZE - (left ? left + RED_RIGHT : 0);
    if (size > <usize>KMALLOC_MAX_CACHE && size <= room && size > room >> 1) {
      debug_large_used(page);
      if (flags & __GFP_ZERO && size > old) memory.fill(pointer + old, 0, size - old);
      store<u32>(page, <u32>size, PG_BYTES);
      account(owner, <i32>(size - old), 0);
      debug_large_sized(page);
      return pointer;
    }
  }
  const moved = kmalloc_for(owner, size, flags);
  if (!moved) return 0;
  memory.copy(moved, pointer, min(old, size));
  kfree(pointer);
  return moved;
}
EXPORT_SYMBOL(krealloc);
