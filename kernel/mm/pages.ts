// Whole pages for those who ask: __get_free_pages and its like. And the one way to pages for everybody else in here: asks the
// buddy allocator, then once more after the caches gave back what they keep, and tells of a failure.

import { EXPORT_SYMBOL } from '../lib/export';
import { PAGE_SIZE } from '../abi/map';
import { __GFP_DIRECT_RECLAIM, __GFP_ZERO } from '../abi/gfp';
import { MAX_ORDER, PAGE_PAGES, PG_BYTES, PG_OBJECTS, PG_OWNER, PG_PAGES } from '../abi/heap';
import { cstr } from '../lib/cstr';
import { account, current_owner } from './account';
import { free_run, run_at, take_run } from './buddy';
import { warn_alloc } from './failure';
import { page_address } from './page';
import { bug } from './report';
import { shrink_caches } from './shrink';

/** @returns struct page of `count` pages in a row, or 0 with a line in the log */
export function get_run(count: u32, kind: u32, flags: u32): usize {
  let page = take_run(count, kind);
  if (!page && flags & __GFP_DIRECT_RECLAIM && shrink_caches()) page = take_run(count, kind);
  if (!page) warn_alloc(flags, count <= 1 ? 0 : 32 - clz(count - 1));
  return page;
}

/** A run that is accounted to `owner` with `bytes`. @returns struct page, or 0 */
export function get_owned_run(owner: usize, count: u32, bytes: u32, kind: u32, flags: u32): usize {
  const page = get_run(count, kind, flags);
  if (!page) return 0;
  store<u32>(page, <u32>owner, PG_OWNER);
  store<u32>(page, bytes, PG_BYTES);
  store<u32>(page, count, PG_PAGES);
  store<u32>(page, flags, PG_OBJECTS);
  account(owner, bytes, 1);
  return page;
}

export function free_owned_run(page: usize): void {
  account(<usize>load<u32>(page, PG_OWNER), -load<i32>(page, PG_BYTES), -1);
  free_run(page, load<u32>(page, PG_PAGES));
}

/** `1 << order` pages, aligned to their size. @returns their address, or 0 */
export function __get_free_pages(flags: u32, order: u32): usize {
  if (order > <u32>MAX_ORDER) return 0;
  const bytes: u32 = PAGE_SIZE << order;
  const page = get_owned_run(current_owner(), 1 << order, bytes, PAGE_PAGES, flags);
  if (!page) return 0;
  const address = page_address(page);
  if (flags & __GFP_ZERO) memory.fill(address, 0, bytes);
  return address;
}
EXPORT_SYMBOL(__get_free_pages);

export function get_zeroed_page(flags: u32): usize {
  return __get_free_pages(flags | __GFP_ZERO, 0);
}
EXPORT_SYMBOL(get_zeroed_page);

/** Gives pages back: 0 is allowed, anything but what __get_free_pages gave is reported and changes nothing. */
export function free_pages(address: usize, order: u32): void {
  if (!address) return;
  const page = run_at(address, PAGE_PAGES);
  if (!page || order > <u32>MAX_ORDER || load<u32>(page, PG_PAGES) != 1 << order) {
    bug(cstr('free_pages'), cstr('Bad page state at'), address);
    return;
  }
  free_owned_run(page);
}
EXPORT_SYMBOL(free_pages);
