// AssemblyScript's runtime inside a driver: managed objects come from the kernel's heap and are never collected.
//
// The linker puts this file in place of ~lib/rt/stub. A driver that makes no managed object imports nothing from here.
// Nothing else may import this file. No memory left is a trap: AssemblyScript has no way to return it.

import { OBJECT_MAXSIZE, OBJECT_OVERHEAD, OBJECT, BLOCK_OVERHEAD } from './common';


@external("env", "kmalloc")
declare function kmalloc(size: usize, flags: u32): usize;


@external("env", "kfree")
declare function kfree(address: usize): void;

/** GFP_KERNEL of kernel/abi/gfp.ts, which cannot be imported from the library's place. */
const GFP_KERNEL: u32 = 0xcc0;
/** Bytes before a block; the last four hold its size. A multiple of what kmalloc aligns to. */
const HEADER: usize = 16;

/** Whether a block was made at compile time, as the contents of a literal are: it never came from the heap. */
function isStatic(block: usize): bool {
  return block >= <usize>ASC_MEMORY_BASE && block < __heap_base;
}


@unsafe @global
export function __alloc(size: usize): usize {
  if (size > OBJECT_MAXSIZE) unreachable();
  const start = kmalloc(HEADER + size, GFP_KERNEL);
  if (!start) unreachable();
  store<u32>(start, <u32>size, HEADER - BLOCK_OVERHEAD);
  return start + HEADER;
}


@unsafe @global
export function __realloc(block: usize, size: usize): usize {
  const before: usize = load<u32>(block - BLOCK_OVERHEAD);
  const moved = __alloc(size);
  memory.copy(moved, block, min(before, size));
  __free(block);
  return moved;
}


@unsafe @global
export function __free(block: usize): void {
  if (!isStatic(block)) kfree(block - HEADER);
}


@unsafe @global
export function __new(size: usize, id: u32): usize {
  if (size > OBJECT_MAXSIZE) unreachable();
  const start = __alloc(OBJECT_OVERHEAD + size);
  const object = changetype<OBJECT>(start - BLOCK_OVERHEAD);
  object.gcInfo = 0;
  object.gcInfo2 = 0;
  object.rtId = id;
  object.rtSize = <u32>size;
  const data = start + OBJECT_OVERHEAD;
  memory.fill(data, 0, size);
  return data;
}


@unsafe @global
export function __renew(data: usize, size: usize): usize {
  if (size > OBJECT_MAXSIZE) unreachable();
  const moved = __realloc(data - OBJECT_OVERHEAD, OBJECT_OVERHEAD + size);
  changetype<OBJECT>(moved - BLOCK_OVERHEAD).rtSize = <u32>size;
  return moved + OBJECT_OVERHEAD;
}


@unsafe @global
export function __link(_parent: usize, _child: usize, _multiple: bool): void {}


@unsafe @global
export function __pin(data: usize): usize {
  return data;
}


@unsafe @global
export function __unpin(_data: usize): void {}


@unsafe @global
export function __visit(_data: usize, _cookie: u32): void {}


@unsafe @global
export function __collect(): void {}
