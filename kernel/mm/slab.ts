// Slab caches: objects of one size, cut from slabs of a few pages. A slab holds its objects' cells and behind them an entry
// for each: whose it is and how much was asked for, or the next free one. So what is written over a free object does not
// break the chain, and every object is accounted with or without debugging.
//
// A slab is on its cache's partial list while it has a free object. Each cache keeps one slab without objects, so that one
// object that comes and goes does not cost a slab each time; those pages count as free and are given back when somebody
// needs them, or by kmem_cache_shrink (shrink.ts).

import { PAGE_SIZE } from '../abi/map';
import { __GFP_ZERO } from '../abi/gfp';
import {
  CACHE_CELL,
  CACHE_CTOR,
  CACHE_EMPTY,
  CACHE_FLAGS,
  CACHE_LEFT,
  CACHE_MIN_PAGES,
  CACHE_OBJECT,
  CACHE_PAGES,
  CACHE_PARTIAL,
  CACHE_RECIPROCAL,
  CACHE_SLABS,
  ENTRY_BYTES,
  ENTRY_FREE,
  ENTRY_LOST,
  ENTRY_NEXT,
  ENTRY_OWNER,
  ENTRY_SHIFT,
  ENTRY_SIZE,
  PAGE_SLAB,
  PG_ENTRIES,
  PG_FREE,
  PG_HEAD,
  PG_OBJECTS,
  PG_SLAB_PAGES,
  PG_USED,
  SLUB_CONSISTENCY,
} from '../abi/heap';
import { cstr } from '../lib/cstr';
import { account } from './account';
import { pages_free_add, take_run } from './buddy';
import { debug_alloc, debug_free, debug_new } from './debug';
import { list_add, list_remove, page_address } from './page';
import { get_run } from './pages';
import { object_bug } from './report';
import { discard, no_longer_empty, object_of } from './shrink';

/** The entry of the object at `address` in a slab, or 0 where no object begins. */
// @ts-ignore: decorator
@inline
export function entry_at(page: usize, cache: usize, address: usize): usize {
  const offset = <u32>(address - page_address(page)) - load<u32>(cache, CACHE_LEFT);
  const index = <u32>((<u64>offset * <u64>load<u32>(cache, CACHE_RECIPROCAL)) >> 32);
  if (index >= <u32>load<u16>(page, PG_OBJECTS) || index * load<u32>(cache, CACHE_CELL) != offset) return 0;
  return <usize>load<u32>(page, PG_ENTRIES) + (index << ENTRY_SHIFT);
}

/** A new slab, empty and on the partial list. @returns struct page, or 0 */
function grow(cache: usize, flags: u32): usize {
  let count = load<u32>(cache, CACHE_PAGES);
  const least = load<u32>(cache, CACHE_MIN_PAGES);
  // The least is asked for with all means; what is more comfortable must cost nothing.
  let page = count > least ? take_run(count, PAGE_SLAB) : 0;
  if (!page) {
    count = least;
    page = get_run(count, PAGE_SLAB, flags);
    if (!page) return 0;
  }
  const cell = load<u32>(cache, CACHE_CELL);
  const objects = (count * PAGE_SIZE) / (cell + ENTRY_SIZE);
  const base = page_address(page);
  const entries = base + objects * cell;
  store<u32>(page, <u32>cache, PG_HEAD);
  store<u32>(page, <u32>entries, PG_FREE);
  store<u32>(page, 0, PG_USED);
  store<u32>(page, <u32>entries, PG_ENTRIES);
  store<u16>(page, <u16>objects, PG_OBJECTS);
  store<u16>(page, <u16>count, PG_SLAB_PAGES);
  const debug = load<u32>(cache, CACHE_FLAGS);
  const ctor = load<u32>(cache, CACHE_CTOR);
  const left = load<u32>(cache, CACHE_LEFT);
  for (let i: u32 = 0; i < objects; i++) {
    const entry = entries + (i << ENTRY_SHIFT);
    store<u32>(entry, i + 1 < objects ? <u32>entry + ENTRY_SIZE : 0, ENTRY_NEXT);
    store<u32>(entry, ENTRY_FREE, ENTRY_BYTES);
    const object = base + i * cell + left;
    if (debug) debug_new(cache, object);
    if (ctor) call_indirect<void>(ctor, object);
  }
  list_add(cache + CACHE_PARTIAL, page);
  store<u32>(cache, load<u32>(cache, CACHE_SLABS) + 1, CACHE_SLABS);
  store<u32>(cache, load<u32>(cache, CACHE_EMPTY) + 1, CACHE_EMPTY);
  pages_free_add(<i32>count);
  return page;
}

/** A look at a slab's free chain before it is used. */
function chain_whole(page: usize, cache: usize, entry: usize): bool {
  const place = entry - <usize>load<u32>(page, PG_ENTRIES);
  if (
    place < <usize>((<u32>load<u16>(page, PG_OBJECTS)) << ENTRY_SHIFT) &&
    !(place & (ENTRY_SIZE - 1)) &&
    load<u32>(entry, ENTRY_BYTES) == ENTRY_FREE
  )
    return true;
  object_bug(cstr('Freechain corrupt'), page, cache, 0, page_address(page));
  store<u32>(page, 0, PG_FREE);
  list_remove(page);
  return false;
}

/** An object accounted to `owner` with `bytes`. @returns 0 when there is no memory */
// @ts-ignore: decorator
@inline
export function cache_take(cache: usize, owner: usize, bytes: u32, flags: u32): usize {
  const debug = load<u32>(cache, CACHE_FLAGS);
  while (true) {
    let page = <usize>load<u32>(cache, CACHE_PARTIAL);
    if (!page) {
      page = grow(cache, flags);
      if (!page) return 0;
    }
    const entry = <usize>load<u32>(page, PG_FREE);
    if (debug & SLUB_CONSISTENCY && !chain_whole(page, cache, entry)) continue;
    const used = load<u32>(page, PG_USED);
    if (!used) no_longer_empty(cache, page);
    store<u32>(page, used + 1, PG_USED);
    const next = load<u32>(entry, ENTRY_NEXT);
    store<u32>(page, next, PG_FREE);
    if (!next) list_remove(page);
    const object = object_of(page, cache, entry);
    if (debug && !debug_alloc(page, cache, entry, object, bytes)) {
      store<u32>(entry, 0, ENTRY_OWNER);
      store<u32>(entry, ENTRY_LOST, ENTRY_BYTES);
      continue;
    }
    store<u32>(entry, <u32>owner, ENTRY_OWNER);
    store<u32>(entry, bytes, ENTRY_BYTES);
    account(owner, <i32>bytes, 1);
    if (flags & __GFP_ZERO) memory.fill(object, 0, bytes);
    return object;
  }
}

/** Gives an object back that `entry` says is in use. */
// @ts-ignore: decorator
@inline
export function cache_put(page: usize, cache: usize, entry: usize, object: usize): void {
  account(<usize>load<u32>(entry, ENTRY_OWNER), -load<i32>(entry, ENTRY_BYTES), -1);
  if (load<u32>(cache, CACHE_FLAGS)) debug_free(page, cache, entry, object);
  const next = load<u32>(page, PG_FREE);
  store<u32>(entry, next, ENTRY_NEXT);
  store<u32>(entry, ENTRY_FREE, ENTRY_BYTES);
  store<u32>(page, <u32>entry, PG_FREE);
  const used = load<u32>(page, PG_USED) - 1;
  store<u32>(page, used, PG_USED);
  if (!next) list_add(cache + CACHE_PARTIAL, page);
  if (!used) becomes_empty(cache, page);
}


@inline
function becomes_empty(cache: usize, page: usize): void {
  const empty = load<u32>(cache, CACHE_EMPTY);
  store<u32>(cache, empty + 1, CACHE_EMPTY);
  pages_free_add(<i32>load<u16>(page, PG_SLAB_PAGES));
  if (empty) discard(cache, page);
}

/** The object at `address`, checked, in a slab. @returns its entry, or 0 with a report */
// @ts-ignore: decorator
@inline
export function used_entry(page: usize, cache: usize, address: usize): usize {
  const entry = entry_at(page, cache, address);
  if (entry && load<u32>(entry, ENTRY_BYTES) <= load<u32>(cache, CACHE_OBJECT)) return entry;
  refuse(page, cache, entry, address);
  return 0;
}

function refuse(page: usize, cache: usize, entry: usize, address: usize): void {
  if (!entry) object_bug(cstr('Invalid object pointer'), page, cache, 0, address);
  else if (load<u32>(entry, ENTRY_BYTES) >= ENTRY_LOST)
    object_bug(cstr('Object already free'), page, cache, entry, address);
  else object_bug(cstr('Object entry overwritten'), page, cache, entry, address);
}
