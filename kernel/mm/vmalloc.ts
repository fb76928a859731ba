// Areas of whole pages: the data of loaded modules, which lies in a region of its own, and vmalloc, for what is too large
// for kmalloc. Wasm has no page tables: the pages of an area are neighbours, so an area can be as large as the longest
// run of free pages and no larger. All areas are on one list by address, which /proc/vmallocinfo prints.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE, MODULES_BASE, MODULES_SIZE, PAGE_SIZE } from '../abi/map';
import { M_VM_AREAS } from '../abi/machine';
import { __GFP_ZERO, GFP_KERNEL } from '../abi/gfp';
import {
  PAGE_VMALLOC,
  VM_ADDRESS,
  VM_ALLOC,
  VM_BYTES,
  VM_KIND,
  VM_MODULE,
  VM_NEXT,
  VM_OWNER,
  VM_SIZE,
  VM_STRUCT_SIZE,
} from '../abi/heap';
import { cstr } from '../lib/cstr';
import { current_owner } from './account';
import { run_at } from './buddy';
import { kfree, kmalloc_for } from './kmalloc';
import { page_address } from './page';
import { free_owned_run, get_owned_run } from './pages';
import { bug } from './report';

export function vmalloc_init(): void {
  store<u32>(MACHINE_BASE, 0, M_VM_AREAS);
}


@inline
function whole_pages(size: usize): usize {
  return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/** The place that points to the first area at or behind `address`. */
function place_of(address: usize): usize {
  let link = <usize>(MACHINE_BASE + M_VM_AREAS);
  for (let area = <usize>load<u32>(link); area; area = <usize>load<u32>(link)) {
    if (<usize>load<u32>(area, VM_ADDRESS) >= address) break;
    link = area + VM_NEXT;
  }
  return link;
}

function insert(area: usize, link: usize, address: usize, bytes: usize, owner: usize, kind: u32): void {
  store<u32>(area, load<u32>(link), VM_NEXT);
  store<u32>(area, <u32>address, VM_ADDRESS);
  store<u32>(area, <u32>whole_pages(bytes ? bytes : 1), VM_SIZE);
  store<u32>(area, <u32>bytes, VM_BYTES);
  store<u32>(area, <u32>owner, VM_OWNER);
  store<u32>(area, kind, VM_KIND);
  store<u32>(link, <u32>area);
}

// --- the modules area

/** Memory for a module's data. @returns an address aligned to 1 << align_log2 (at least a page), or 0 */
export function area_alloc(size: i32, align_log2: i32): usize {
  if (size < 0 || size > MODULES_SIZE || align_log2 > 16) return 0;
  const align = max<usize>(PAGE_SIZE, (<usize>1) << align_log2);
  const pages = whole_pages(size ? size : 1);
  let at: usize = (MODULES_BASE + align - 1) & ~(align - 1);
  let link = <usize>(MACHINE_BASE + M_VM_AREAS);
  for (let area = <usize>load<u32>(link); area; area = <usize>load<u32>(link)) {
    const from = <usize>load<u32>(area, VM_ADDRESS);
    if (at + pages <= from) break;
    at = (from + load<u32>(area, VM_SIZE) + align - 1) & ~(align - 1);
    link = area + VM_NEXT;
  }
  if (at + pages > <usize>(MODULES_BASE + MODULES_SIZE)) return 0;
  const area = kmalloc_for(0, VM_STRUCT_SIZE, GFP_KERNEL);
  if (!area) return 0;
  insert(area, link, at, size, 0, VM_MODULE);
  return at;
}

export function area_free(address: usize, _size: i32): void {
  const link = place_of(address);
  const area = <usize>load<u32>(link);
  if (!area || <usize>load<u32>(area, VM_ADDRESS) != address) return;
  store<u32>(link, load<u32>(area, VM_NEXT));
  kfree(area);
}

// --- vmalloc

/** @returns an area of `size` bytes that begins with a page, or 0 */
export function vmalloc_for(owner: usize, size: usize, flags: u32): usize {
  if (!size || <i32>size < 0) return 0;
  const area = kmalloc_for(0, VM_STRUCT_SIZE, flags & ~__GFP_ZERO);
  if (!area) return 0;
  const page = get_owned_run(owner, whole_pages(size) / PAGE_SIZE, size, PAGE_VMALLOC, flags);
  if (!page) {
    kfree(area);
    return 0;
  }
  const address = page_address(page);
  insert(area, place_of(address), address, size, owner, VM_ALLOC);
  if (flags & __GFP_ZERO) memory.fill(address, 0, size);
  return address;
}

export function vmalloc(size: usize): usize {
  return vmalloc_for(current_owner(), size, GFP_KERNEL);
}
EXPORT_SYMBOL(vmalloc);

/** vmalloc, cleared. */
export function vzalloc(size: usize): usize {
  return vmalloc_for(current_owner(), size, GFP_KERNEL | __GFP_ZERO);
}
EXPORT_SYMBOL(vzalloc);

/** Gives an area back; 0 is allowed, anything that is none is reported and changes nothing. */
export function vfree(address: usize): void {
  if (!address) return;
  const page = run_at(address, PAGE_VMALLOC);
  const link = place_of(address);
  const area = <usize>load<u32>(link);
  if (!page || !area || <usize>load<u32>(area, VM_ADDRESS) != address)
    return bug(cstr('vfree'), cstr('Trying to vfree() nonexistent vm area'), address);
  store<u32>(link, load<u32>(area, VM_NEXT));
  free_owned_run(page);
  kfree(area);
}
EXPORT_SYMBOL(vfree);
