// The page allocator: runs of 4 KiB pages out of the pool, first fit from a moving hint. The page map, one word a page
// (abi/heap.ts), lies in the pool's first pages. It knows nothing of objects: ./kmalloc.ts cuts pages into them.

import { MACHINE_BASE, POOL_BASE, PAGE_SIZE } from '../abi/map';
import { M_PAGE_MAP, M_PAGES_FREE, M_POOL_END } from '../abi/machine';
import { PAGE_FREE, PAGE_HEAD, PAGE_TAIL, PAGE_VALUE_SHIFT } from '../abi/heap';

let pages: i32 = 0;
let hint: i32 = 0;


@inline
function entry(page: i32): usize {
  return POOL_BASE + ((<usize>page) << 2);
}

export function pages_init(pool_end: usize): void {
  pages = <i32>((pool_end - POOL_BASE) / PAGE_SIZE);
  const own = (pages * 4 + PAGE_SIZE - 1) / PAGE_SIZE;
  memory.fill(POOL_BASE, 0, pages * 4);
  store<u32>(MACHINE_BASE, POOL_BASE, M_PAGE_MAP);
  store<u32>(MACHINE_BASE, <u32>pool_end, M_POOL_END);
  take(0, own);
  store<u32>(MACHINE_BASE, pages - own, M_PAGES_FREE);
  hint = own;
}

function take(first: i32, count: i32): void {
  store<u32>(entry(first), PAGE_HEAD | (count << PAGE_VALUE_SHIFT));
  for (let i = 1; i < count; i++) store<u32>(entry(first + i), PAGE_TAIL);
}

function find(from: i32, to: i32, count: i32): i32 {
  let run = 0;
  for (let page = from; page < to; page++) {
    run = load<u32>(entry(page)) == PAGE_FREE ? run + 1 : 0;
    if (run == count) return page - count + 1;
  }
  return -1;
}

/** @returns the address of `count` pages in a row, or 0 */
export function alloc_pages(count: i32): usize {
  if (count <= 0 || count > pages) return 0;
  let first = find(hint, pages, count);
  if (first < 0) first = find(0, pages, count);
  if (first < 0) return 0;
  take(first, count);
  hint = first + count;
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_PAGES_FREE) - count, M_PAGES_FREE);
  return POOL_BASE + <usize>first * PAGE_SIZE;
}

/** The page map's word for the page that holds `address`, or 0 outside the pool. */
export function page_entry(address: usize): usize {
  if (address < <usize>POOL_BASE) return 0;
  const page = <i32>((address - POOL_BASE) / PAGE_SIZE);
  return page < pages ? entry(page) : 0;
}

/** Gives a run back; `address` must be what alloc_pages returned. @returns false when it is not the head of a run */
export function free_pages(address: usize, count: i32): bool {
  const head = page_entry(address);
  if (!head || load<u32>(head) == PAGE_FREE || address % PAGE_SIZE) return false;
  memory.fill(head, 0, (<usize>count) << 2);
  const page = <i32>((address - POOL_BASE) / PAGE_SIZE);
  if (page < hint) hint = page;
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_PAGES_FREE) + count, M_PAGES_FREE);
  return true;
}
