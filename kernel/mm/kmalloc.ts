// kmalloc and kfree: cells of 32 << class bytes cut from pages, larger objects in page runs of their own. Each object is
// drawn in abi/heap.ts: a header, red zones on both sides, an owner to whom it is accounted. A freed cell is poisoned.
// A damaged object is reported and left alone, never handed out again.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE, PAGE_SIZE } from '../abi/map';
import { M_SLABS, M_BYTES_USED, M_CALL_MODULE, M_TAINT, TAINT_BAD_PAGE } from '../abi/machine';
import { MOD_BYTES, MOD_OBJECTS } from '../abi/module';
import {
  OBJECT_MAGIC,
  OBJECT_BYTES,
  OBJECT_OWNER,
  OBJECT_RED,
  OBJECT_HEADER,
  OBJECT_TRAILER,
  OBJECT_USED,
  OBJECT_FREE,
  SLAB_CLASSES,
  SLAB_MIN,
  KMALLOC_MAX,
  POISON_FREE,
  POISON_END,
  RED_ACTIVE,
  RED_ACTIVE_WORD,
  PAGE_SLAB,
  PAGE_LARGE,
  PAGE_VALUE_SHIFT,
} from '../abi/heap';
import { LEVEL_ERR } from '../abi/log';
import { alloc_pages, free_pages, page_entry } from './pages';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';

/** Heads of the free lists, one word a class. */
const free_lists = memory.data(SLAB_CLASSES << 2);

export function kmalloc_init(): void {
  store<u32>(MACHINE_BASE, <u32>free_lists, M_SLABS);
}


@inline
function cell_size(cls: i32): i32 {
  return SLAB_MIN << cls;
}

/** Pages of a slab: large cells get more, so that little is wasted. */
@inline
function slab_pages(cls: i32): i32 {
  return cls < 5 ? 1 : 2;
}

function grow(cls: i32): bool {
  const count = slab_pages(cls);
  const base = alloc_pages(count);
  if (!base) return false;
  for (let i = 0; i < count; i++) {
    store<u32>(page_entry(base + i * PAGE_SIZE), PAGE_SLAB | (cls << PAGE_VALUE_SHIFT));
  }
  const size = cell_size(cls);
  for (let cell = base + count * PAGE_SIZE - size; cell >= base; cell -= size) release_cell(cell, cls);
  return true;
}

function release_cell(cell: usize, cls: i32): void {
  const size = cell_size(cls);
  const list = free_lists + ((<usize>cls) << 2);
  memory.fill(cell + OBJECT_HEADER, <u8>POISON_FREE, size - OBJECT_HEADER - 1);
  store<u8>(cell + size - 1, POISON_END);
  store<u32>(cell, OBJECT_FREE, OBJECT_MAGIC);
  store<u32>(cell, 0, OBJECT_BYTES);
  store<u32>(cell, RED_ACTIVE_WORD, OBJECT_RED);
  store<u32>(cell, load<u32>(list), OBJECT_OWNER);
  store<u32>(list, <u32>cell);
}

/** Whether a free cell still holds its poison from the first byte to the last. */
function poisoned(cell: usize, size: i32): bool {
  for (let p = cell + OBJECT_HEADER; p < cell + size - 1; p++) if (load<u8>(p) != POISON_FREE) return false;
  return load<u8>(cell + size - 1) == POISON_END && load<u32>(cell, OBJECT_RED) == RED_ACTIVE_WORD;
}

function take_cell(cls: i32): usize {
  const list = free_lists + ((<usize>cls) << 2);
  while (load<u32>(list) || grow(cls)) {
    const cell = <usize>load<u32>(list);
    const known = page_entry(cell);
    if (
      !known ||
      load<u32>(known) != <u32>(PAGE_SLAB | (cls << PAGE_VALUE_SHIFT)) ||
      load<u32>(cell) != OBJECT_FREE
    ) {
      corrupt(cstr('Freepointer corrupt'), cell);
      store<u32>(list, 0);
      continue;
    }
    store<u32>(list, load<u32>(cell, OBJECT_OWNER));
    if (poisoned(cell, cell_size(cls))) return cell;
    corrupt(cstr('Poison overwritten'), cell);
  }
  return 0;
}

function corrupt(what: usize, cell: usize): void {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_BAD_PAGE, M_TAINT);
  pr(LEVEL_ERR, cstr('BUG kmalloc: %s 0x%x'), what, cell);
}

function account(owner: usize, bytes: i32, objects: i32): void {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_BYTES_USED) + bytes, M_BYTES_USED);
  if (!owner) return;
  store<u32>(owner, load<u32>(owner, MOD_BYTES) + bytes, MOD_BYTES);
  store<u32>(owner, load<u32>(owner, MOD_OBJECTS) + objects, MOD_OBJECTS);
}

/** Memory for the module that runs (the kernel itself between calls). @returns a pointer aligned to 16, or 0 */
export function kmalloc(size: usize): usize {
  return kmalloc_for(<usize>load<u32>(MACHINE_BASE, M_CALL_MODULE), size);
}
EXPORT_SYMBOL(kmalloc);

/** Memory accounted to `owner`: a struct module, or 0 for the kernel. */
export function kmalloc_for(owner: usize, size: usize): usize {
  if (<i32>size < 0 || <i32>size > KMALLOC_MAX) return 0;
  const need = <i32>size + OBJECT_HEADER + OBJECT_TRAILER;
  let cell: usize;
  let room: i32;
  if (need <= cell_size(SLAB_CLASSES - 1)) {
    const cls = need <= SLAB_MIN ? 0 : 27 - clz(need - 1);
    cell = take_cell(cls);
    room = cell_size(cls);
  } else {
    const count = (need + PAGE_SIZE - 1) / PAGE_SIZE;
    cell = alloc_pages(count);
    if (cell) store<u32>(page_entry(cell), PAGE_LARGE | (count << PAGE_VALUE_SHIFT));
    room = count * PAGE_SIZE;
  }
  if (!cell) return 0;
  store<u32>(cell, OBJECT_USED, OBJECT_MAGIC);
  store<u32>(cell, <u32>size, OBJECT_BYTES);
  store<u32>(cell, <u32>owner, OBJECT_OWNER);
  store<u32>(cell, RED_ACTIVE_WORD, OBJECT_RED);
  memory.fill(cell + OBJECT_HEADER + size, <u8>RED_ACTIVE, room - OBJECT_HEADER - <i32>size);
  account(owner, <i32>size, 1);
  return cell + OBJECT_HEADER;
}

/** kmalloc, filled with zeros. */
export function kzalloc(size: usize): usize {
  const pointer = kmalloc(size);
  if (pointer) memory.fill(pointer, 0, size);
  return pointer;
}
EXPORT_SYMBOL(kzalloc);

/** Bytes of the cell or run that holds `cell`, 0 if there can be none there. */
function room_of(cell: usize): i32 {
  const known = page_entry(cell);
  if (!known || cell & 15) return 0;
  const word = load<u32>(known);
  const kind = word & 0xff;
  if (kind == PAGE_SLAB) return cell_size(word >> PAGE_VALUE_SHIFT);
  return kind == PAGE_LARGE && cell % PAGE_SIZE == 0 ? (word >> PAGE_VALUE_SHIFT) * PAGE_SIZE : 0;
}

/** Gives memory back. A null pointer is allowed; a double or invalid free is reported and changes nothing. */
export function kfree(pointer: usize): void {
  if (!pointer) return;
  const cell = pointer - OBJECT_HEADER;
  const room = room_of(cell);
  if (!room) return corrupt(cstr('Invalid object pointer'), pointer);
  if (load<u32>(cell) == OBJECT_FREE) return corrupt(cstr('Object already free'), pointer);
  const size = load<u32>(cell, OBJECT_BYTES);
  if (load<u32>(cell) != OBJECT_USED || size > <u32>(room - OBJECT_HEADER - OBJECT_TRAILER)) {
    return corrupt(cstr('Object header overwritten'), pointer);
  }
  if (!red_zone_whole(cell, size, room)) corrupt(cstr('Redzone overwritten'), pointer);
  account(<usize>load<u32>(cell, OBJECT_OWNER), -(<i32>size), -1);
  const word = load<u32>(page_entry(cell));
  if ((word & 0xff) == PAGE_SLAB) release_cell(cell, word >> PAGE_VALUE_SHIFT);
  else free_pages(cell, room / PAGE_SIZE);
}
EXPORT_SYMBOL(kfree);

function red_zone_whole(cell: usize, size: i32, room: i32): bool {
  if (load<u32>(cell, OBJECT_RED) != RED_ACTIVE_WORD) return false;
  for (let p = cell + OBJECT_HEADER + size; p < cell + room; p++) if (load<u8>(p) != RED_ACTIVE) return false;
  return true;
}

/** Frees every object that `owner` still holds: what an unloaded module forgot. Walks the page map. */
export function kfree_owned(owner: usize, pool: usize, end: usize): void {
  for (let page = pool; page < end; page += PAGE_SIZE) {
    const word = load<u32>(page_entry(page));
    const kind = word & 0xff;
    if (kind == PAGE_LARGE && <i32>(word >> PAGE_VALUE_SHIFT) > 0) free_if_owned(page, owner);
    if (kind != PAGE_SLAB) continue;
    const size = cell_size(word >> PAGE_VALUE_SHIFT);
    for (let cell = page; cell < page + PAGE_SIZE; cell += size) free_if_owned(cell, owner);
  }
}

function free_if_owned(cell: usize, owner: usize): void {
  if (load<u32>(cell) == OBJECT_USED && <usize>load<u32>(cell, OBJECT_OWNER) == owner)
    kfree(cell + OBJECT_HEADER);
}
