// The buddy allocator: the pool's pages in free blocks of 1 << order pages, each aligned to its size. A block is split until
// it fits; a freed one joins its buddy as long as that is free too. What is asked for in pages is given to the page: the
// rest of the last block goes back at once.
//
// Larger runs than the largest block, and those for which no block is left, are looked for among neighbouring free blocks.
// It knows neither objects nor modules: what a run is for is its caller's affair.

import { MACHINE_BASE, PAGE_SIZE, POOL_BASE } from '../abi/map';
import { M_FREE_AREAS, M_PAGE_MAP, M_PAGES_FREE, M_POOL_END, M_SLUB_DEBUG } from '../abi/machine';
import {
  AREA_COUNT,
  AREA_SIZE,
  MAX_ORDER,
  PAGE_BUDDY,
  PAGE_FREE,
  PAGE_PAGES,
  PAGE_POISONED,
  PAGE_RESERVED,
  PAGE_TAIL,
  PG_FLAGS,
  PG_HEAD,
  PG_KIND,
  PG_ORDER,
  PG_OWNER,
  PG_SHIFT,
  PG_SIZE,
  POISON_FREE,
  SLUB_POISON,
} from '../abi/heap';
import { page_corrupt } from './report';
import { list_add, list_remove, page_address, page_at, page_pfn, pool_pages } from './page';

const areas = memory.data(88);


@inline
function area(order: u32): usize {
  return areas + order * AREA_SIZE;
}


@inline
function count_free(order: u32, change: i32): void {
  store<u32>(area(order), load<u32>(area(order), AREA_COUNT) + change, AREA_COUNT);
}

/** Pages more or less that nobody holds. */
// @ts-ignore: decorator
@inline
export function pages_free_add(change: i32): void {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_PAGES_FREE) + change, M_PAGES_FREE);
}

export function buddy_init(pool_end: usize): void {
  const count = <u32>((pool_end - POOL_BASE) / PAGE_SIZE);
  const own = (count * PG_SIZE + PAGE_SIZE - 1) / PAGE_SIZE;
  memory.fill(POOL_BASE, 0, count * PG_SIZE);
  memory.fill(areas, 0, (MAX_ORDER + 1) * AREA_SIZE);
  store<u32>(MACHINE_BASE, POOL_BASE, M_PAGE_MAP);
  store<u32>(MACHINE_BASE, <u32>pool_end, M_POOL_END);
  store<u32>(MACHINE_BASE, <u32>areas, M_FREE_AREAS);
  mark(POOL_BASE, own, PAGE_RESERVED);
  store<u32>(MACHINE_BASE, count - own, M_PAGES_FREE);
  put_back(POOL_BASE + (own << PG_SHIFT), count - own);
}

function add_block(page: usize, order: u32): void {
  store<u8>(page, PAGE_BUDDY, PG_KIND);
  store<u8>(page, <u8>order, PG_ORDER);
  list_add(area(order), page);
  count_free(order, 1);
}

function remove_block(page: usize, order: u32): void {
  list_remove(page);
  store<u8>(page, PAGE_FREE, PG_KIND);
  count_free(order, -1);
}

/** Frees one block, joined with its buddies. Its pages are marked free. */
function free_block(page: usize, order: u32): void {
  const end: usize = POOL_BASE + ((<usize>pool_pages()) << PG_SHIFT);
  while (order < <u32>MAX_ORDER) {
    const size = (<usize>PG_SIZE) << order;
    const upper = (page_pfn(page) >> order) & 1;
    const buddy = upper ? page - size : page + size;
    if (buddy < <usize>POOL_BASE || buddy >= end) break;
    if (load<u8>(buddy, PG_KIND) != PAGE_BUDDY || load<u8>(buddy, PG_ORDER) != <u8>order) break;
    remove_block(buddy, order);
    if (upper) page = buddy;
    order++;
  }
  add_block(page, order);
}

/** Frees pages that are marked free, in the largest blocks that lie in them. */
function put_back(page: usize, count: u32): void {
  while (count) {
    const order = min<u32>(min<u32>(ctz(page_pfn(page)), 31 - clz(count)), <u32>MAX_ORDER);
    free_block(page, order);
    page += (<usize>PG_SIZE) << order;
    count -= 1 << order;
  }
}

function take_block(order: u32): usize {
  for (let at = order; at <= <u32>MAX_ORDER; at++) {
    const page = <usize>load<u32>(area(at));
    if (!page) continue;
    remove_block(page, at);
    while (at > order) {
      at--;
      add_block(page + ((<usize>PG_SIZE) << at), at);
    }
    return page;
  }
  return 0;
}

/** Takes `count` pages out of neighbouring free blocks, as far up as there are any: small blocks are taken from below. */
function take_neighbours(count: u32): usize {
  const end: usize = POOL_BASE + ((<usize>pool_pages()) << PG_SHIFT);
  let start: usize = 0;
  let run: u32 = 0;
  let found: usize = 0;
  for (let page: usize = POOL_BASE; page < end;) {
    if (load<u8>(page, PG_KIND) == PAGE_BUDDY) {
      if (!run) start = page;
      const size: u32 = 1 << load<u8>(page, PG_ORDER);
      run += size;
      page += (<usize>size) << PG_SHIFT;
      if (run >= count) found = start + ((<usize>(run - count)) << PG_SHIFT);
    } else {
      run = 0;
      page += PG_SIZE;
    }
  }
  if (!found) return 0;
  // The first block may begin before what is wanted; the last one ends with it.
  let first = found;
  while (load<u8>(first, PG_KIND) != PAGE_BUDDY) first -= PG_SIZE;
  const last = found + ((<usize>count) << PG_SHIFT);
  for (let page = first; page < last;) {
    const order = <u32>load<u8>(page, PG_ORDER);
    remove_block(page, order);
    page += (<usize>PG_SIZE) << order;
  }
  put_back(first, <u32>((found - first) >> PG_SHIFT));
  return found;
}

function mark(page: usize, count: u32, kind: u32): void {
  store<u8>(page, <u8>kind, PG_KIND);
  memory.fill(page + PG_OWNER, 0, PG_SIZE - PG_OWNER);
  for (let i: u32 = 1; i < count; i++) {
    const tail = page + ((<usize>i) << PG_SHIFT);
    store<u8>(tail, PAGE_TAIL, PG_KIND);
    store<u32>(tail, <u32>page, PG_HEAD);
  }
}

/** @returns struct page of the first of `count` pages in a row, of that kind; or 0 */
export function take_run(count: u32, kind: u32): usize {
  if (!count || count > pool_pages()) return 0;
  const order = count == 1 ? 0 : 32 - clz(count - 1);
  let page: usize = 0;
  if (order <= MAX_ORDER) {
    page = take_block(order);
    const rest: u32 = (1 << order) - count;
    if (page && rest) put_back(page + ((<usize>count) << PG_SHIFT), rest);
  }
  // What __get_free_pages gives is aligned to its size, as blocks are.
  if (!page && kind != PAGE_PAGES) page = take_neighbours(count);
  if (!page) return 0;
  for (let i: u32 = 0; i < count; i++) check_poison(page + ((<usize>i) << PG_SHIFT));
  mark(page, count, kind);
  pages_free_add(-(<i32>count));
  return page;
}

/** Gives a run back, as it was taken. */
export function free_run(page: usize, count: u32): void {
  if (load<u32>(MACHINE_BASE, M_SLUB_DEBUG) & SLUB_POISON) {
    memory.fill(page_address(page), <u8>POISON_FREE, count * PAGE_SIZE);
    for (let i: u32 = 0; i < count; i++) store<u8>(page + ((<usize>i) << PG_SHIFT), PAGE_POISONED, PG_FLAGS);
  }
  for (let i: u32 = 0; i < count; i++) store<u8>(page + ((<usize>i) << PG_SHIFT), PAGE_FREE, PG_KIND);
  pages_free_add(<i32>count);
  put_back(page, count);
}

/** Whether a page that was poisoned when it was freed was written since; it is used all the same, as Linux does. */
function check_poison(page: usize): void {
  if (!load<u8>(page, PG_FLAGS)) return;
  store<u8>(page, 0, PG_FLAGS);
  const from = page_address(page);
  for (let at = from; at < from + PAGE_SIZE; at += 8) {
    if (load<u64>(at) == 0x6b6b6b6b6b6b6b6b) continue;
    page_corrupt(at);
    return;
  }
}

/** Free blocks of an order. */
export function free_blocks(order: u32): u32 {
  return load<u32>(area(order), AREA_COUNT);
}

/** struct page of a run of that kind that begins at `address`, or 0. */
export function run_at(address: usize, kind: u32): usize {
  if (address & (PAGE_SIZE - 1) || address < <usize>POOL_BASE) return 0;
  if (address >= <usize>load<u32>(MACHINE_BASE, M_POOL_END)) return 0;
  const page = page_at(address);
  return load<u8>(page, PG_KIND) == <u8>kind ? page : 0;
}
