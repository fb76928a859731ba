// The modules area: data of loaded modules, in pages, first fit. The byte map lies in the image's data.

import { MODULES_BASE, MODULES_SIZE, PAGE_SIZE } from '../abi/map';

const PAGES = MODULES_SIZE / PAGE_SIZE;
const map = memory.data(1024);

/** @returns an address aligned to 1 << align_log2 (at least a page), or 0 */
export function area_alloc(size: i32, align_log2: i32): usize {
  if (size < 0 || size > MODULES_SIZE || align_log2 > 16) return 0;
  const count = size ? (size + PAGE_SIZE - 1) / PAGE_SIZE : 1;
  const align: usize = (<usize>1) << align_log2;
  let run = 0;
  for (let page = 0; page < PAGES; page++) {
    if (load<u8>(map + page) || (!run && (MODULES_BASE + page * PAGE_SIZE) & (align - 1))) run = 0;
    else run++;
    if (run < count) continue;
    const first = page - count + 1;
    memory.fill(map + first, 1, count);
    return MODULES_BASE + first * PAGE_SIZE;
  }
  return 0;
}

export function area_free(address: usize, size: i32): void {
  const count = size ? (size + PAGE_SIZE - 1) / PAGE_SIZE : 1;
  memory.fill(map + (address - MODULES_BASE) / PAGE_SIZE, 0, count);
}
