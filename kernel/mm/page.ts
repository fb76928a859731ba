// struct page (abi/heap.ts): one for each page of the pool, found by arithmetic. What a page is, and lists of pages.

import { MACHINE_BASE, PAGE_SIZE, POOL_BASE } from '../abi/map';
import { M_POOL_END } from '../abi/machine';
import { PAGE_TAIL, PG_HEAD, PG_KIND, PG_NEXT, PG_PREVIOUS, PG_SHIFT, PG_SIZE } from '../abi/heap';

export const PAGE_SHIFT = 12;
/** Number of the pool's first page, counted from address 0: blocks are aligned in memory, not in the pool. */
export const FIRST_PFN: u32 = POOL_BASE / PAGE_SIZE;

/** struct page of the page that holds `address`, which lies in the pool. */
// @ts-ignore: decorator
@inline
export function page_at(address: usize): usize {
  return POOL_BASE + (((address - POOL_BASE) >> PAGE_SHIFT) << PG_SHIFT);
}

// @ts-ignore: decorator
@inline
export function page_address(page: usize): usize {
  return POOL_BASE + (((page - POOL_BASE) >> PG_SHIFT) << PAGE_SHIFT);
}

// @ts-ignore: decorator
@inline
export function page_pfn(page: usize): u32 {
  return <u32>((page - POOL_BASE) >> PG_SHIFT) + FIRST_PFN;
}

// @ts-ignore: decorator
@inline
export function in_pool(address: usize): bool {
  return address - POOL_BASE < <usize>load<u32>(MACHINE_BASE, M_POOL_END) - POOL_BASE;
}

/** Pages of the pool, its page map among them. */
// @ts-ignore: decorator
@inline
export function pool_pages(): u32 {
  return (load<u32>(MACHINE_BASE, M_POOL_END) - POOL_BASE) >> PAGE_SHIFT;
}

/** Whether `page` may be a struct page: what comes out of one may be damaged. */
// @ts-ignore: decorator
@inline
export function is_page(page: usize): bool {
  return page - POOL_BASE < (<usize>pool_pages()) << PG_SHIFT && !((page - POOL_BASE) & (PG_SIZE - 1));
}

/** struct page of the first page of what holds `address`, or 0 outside the pool. */
// @ts-ignore: decorator
@inline
export function head_of(address: usize): usize {
  if (!in_pool(address)) return 0;
  const page = page_at(address);
  if (load<u8>(page, PG_KIND) != PAGE_TAIL) return page;
  const head = <usize>load<u32>(page, PG_HEAD);
  return is_page(head) ? head : 0;
}

/** Puts a page in front of the list whose head lies at `list`. */
// @ts-ignore: decorator
@inline
export function list_add(list: usize, page: usize): void {
  const next = <usize>load<u32>(list);
  store<u32>(page, <u32>next, PG_NEXT);
  store<u32>(page, <u32>list, PG_PREVIOUS);
  if (next) store<u32>(next, <u32>page + PG_NEXT, PG_PREVIOUS);
  store<u32>(list, <u32>page);
}

// @ts-ignore: decorator
@inline
export function list_remove(page: usize): void {
  const next = <usize>load<u32>(page, PG_NEXT);
  const previous = <usize>load<u32>(page, PG_PREVIOUS);
  store<u32>(previous, <u32>next);
  if (next) store<u32>(next, <u32>previous, PG_PREVIOUS);
  store<u32>(page, 0, PG_NEXT);
  store<u32>(page, 0, PG_PREVIOUS);
}
