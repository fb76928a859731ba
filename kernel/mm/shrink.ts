// Slabs without objects go back to the page allocator: one when its cache has another, all of a cache by kmem_cache_shrink, those
// of all caches when there are no pages left (pages.ts). Nothing here takes a page.

import { MACHINE_BASE } from '../abi/map';
import { M_SLABS } from '../abi/machine';
import {
  CACHE_CELL,
  CACHE_EMPTY,
  CACHE_FLAGS,
  CACHE_LEFT,
  CACHE_NEXT,
  CACHE_PARTIAL,
  CACHE_SLABS,
  ENTRY_SHIFT,
  PG_ENTRIES,
  PG_NEXT,
  PG_OBJECTS,
  PG_SLAB_PAGES,
  PG_USED,
} from '../abi/heap';
import { free_run, pages_free_add } from './buddy';
import { debug_discard } from './debug';
import { list_remove, page_address } from './page';

/** An object by its entry. */
// @ts-ignore: decorator
@inline
export function object_of(page: usize, cache: usize, entry: usize): usize {
  const index = (entry - <usize>load<u32>(page, PG_ENTRIES)) >> ENTRY_SHIFT;
  return page_address(page) + index * load<u32>(cache, CACHE_CELL) + load<u32>(cache, CACHE_LEFT);
}

/** A slab without objects gets one, or goes: its pages do not count as free any more. */
// @ts-ignore: decorator
@inline
export function no_longer_empty(cache: usize, page: usize): void {
  store<u32>(cache, load<u32>(cache, CACHE_EMPTY) - 1, CACHE_EMPTY);
  pages_free_add(-(<i32>load<u16>(page, PG_SLAB_PAGES)));
}

/** Gives an empty slab's pages back; it counts as empty. */
export function discard(cache: usize, page: usize): void {
  if (load<u32>(cache, CACHE_FLAGS)) {
    const entries = <usize>load<u32>(page, PG_ENTRIES);
    const objects = <u32>load<u16>(page, PG_OBJECTS);
    for (let i: u32 = 0; i < objects; i++) {
      const entry = entries + (i << ENTRY_SHIFT);
      debug_discard(page, cache, entry, object_of(page, cache, entry));
    }
  }
  list_remove(page);
  store<u32>(cache, load<u32>(cache, CACHE_SLABS) - 1, CACHE_SLABS);
  no_longer_empty(cache, page);
  free_run(page, load<u16>(page, PG_SLAB_PAGES));
}

/** Gives back the empty slabs of a cache. @returns how many pages */
export function cache_shrink(cache: usize): u32 {
  let pages: u32 = 0;
  let page = <usize>load<u32>(cache, CACHE_PARTIAL);
  while (page && load<u32>(cache, CACHE_EMPTY)) {
    const next = <usize>load<u32>(page, PG_NEXT);
    if (!load<u32>(page, PG_USED)) {
      pages += load<u16>(page, PG_SLAB_PAGES);
      discard(cache, page);
    }
    page = next;
  }
  return pages;
}

/** The same of all caches. */
export function shrink_caches(): u32 {
  let pages: u32 = 0;
  let cache = <usize>load<u32>(MACHINE_BASE, M_SLABS);
  for (; cache; cache = <usize>load<u32>(cache, CACHE_NEXT)) {
    if (load<u32>(cache, CACHE_EMPTY)) pages += cache_shrink(cache);
  }
  return pages;
}
