// kvmalloc: memory for what may be large, from kmalloc where that has it, else from vmalloc.

import { EXPORT_SYMBOL } from '../lib/export';
import { PAGE_SIZE } from '../abi/map';
import { __GFP_NOWARN } from '../abi/gfp';
import { KMALLOC_MAX, PAGE_VMALLOC, PG_KIND } from '../abi/heap';
import { current_owner } from './account';
import { kfree, kmalloc } from './kmalloc';
import { head_of } from './page';
import { vfree, vmalloc_for } from './vmalloc';

/** kmalloc where that can be had, else vmalloc: for what may be large. Freed by kvfree. */
export function kvmalloc(size: usize, flags: u32): usize {
  if (size <= <usize>KMALLOC_MAX) {
    const pointer = kmalloc(size, size > <usize>PAGE_SIZE ? flags | __GFP_NOWARN : flags);
    if (pointer || size <= <usize>PAGE_SIZE) return pointer;
  }
  return vmalloc_for(current_owner(), size, flags);
}
EXPORT_SYMBOL(kvmalloc);

export function kvfree(pointer: usize): void {
  const page = head_of(pointer);
  if (page && load<u8>(page, PG_KIND) == PAGE_VMALLOC) vfree(pointer);
  else kfree(pointer);
}
EXPORT_SYMBOL(kvfree);
