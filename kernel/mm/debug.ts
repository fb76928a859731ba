// Debugging of slabs, as Linux's slub_debug: red zones around an object (Z), poison in a free one (P), who allocated and who
// freed it (U), and a look at the slab's own chain (F). Damage is reported and made good, and life goes on; a free object
// that was written to is not handed out again.
//
//   state      red zones     payload
//   free       RED_INACTIVE  POISON_FREE … POISON_END
//   in use     RED_ACTIVE    POISON_INUSE until it is written; from the last byte asked for on RED_ACTIVE
//
// Large objects, which have pages of their own, have red zones and poison too.

import { MACHINE_BASE, PAGE_SIZE } from '../abi/map';
import { M_CALL_MODULE, M_CALL_OPERATION, M_SLUB_DEBUG } from '../abi/machine';
import {
  CACHE_CTOR,
  CACHE_FLAGS,
  CACHE_LEFT,
  CACHE_NAME,
  CACHE_OBJECT,
  CACHE_TRACK,
  ENTRY_BYTES,
  PG_BYTES,
  PG_PAGES,
  POISON_END,
  POISON_FREE,
  POISON_INUSE,
  RED_ACTIVE,
  RED_INACTIVE,
  RED_LEFT,
  SLUB_POISON,
  SLUB_RED_ZONE,
  SLUB_STORE_USER,
  TRACK_SIZE,
} from '../abi/heap';
import { cstr } from '../lib/cstr';
import { page_address } from './page';
import { bug, first_byte, fix, object_bug, track_set } from './report';

/** @returns the first byte in the range that is not `byte`, or `to` */
function other_than(from: usize, to: usize, byte: u32): usize {
  const word = byte * 0x01010101;
  while (from < to && from & 3) {
    if (load<u8>(from) != <u8>byte) return from;
    from++;
  }
  while (from + 4 <= to && load<u32>(from) == word) from += 4;
  while (from < to && load<u8>(from) == <u8>byte) from++;
  return from;
}

/** The last byte of the range that is not `byte`. */
function last_other(from: usize, to: usize, byte: u32): usize {
  while (to > from && load<u8>(to - 1) == <u8>byte) to--;
  return to - 1;
}

/** Whether the constructor's work lies in a free object: it cannot be poisoned then. */
// @ts-ignore: decorator
@inline
function poisons(cache: usize, flags: u32): bool {
  return (flags & SLUB_POISON) != 0 && !load<u32>(cache, CACHE_CTOR);
}

function paint_free(cache: usize, object: usize): void {
  const flags = load<u32>(cache, CACHE_FLAGS);
  const size = load<u32>(cache, CACHE_OBJECT);
  const left = load<u32>(cache, CACHE_LEFT);
  if (flags & SLUB_RED_ZONE) {
    memory.fill(object - left, <u8>RED_INACTIVE, left);
    memory.fill(object + size, <u8>RED_INACTIVE, load<u32>(cache, CACHE_TRACK) - left - size);
  }
  if (!poisons(cache, flags)) return;
  memory.fill(object, <u8>POISON_FREE, size - 1);
  store<u8>(object + size - 1, POISON_END);
}

/** An object of a new slab. */
export function debug_new(cache: usize, object: usize): void {
  paint_free(cache, object);
  if (load<u32>(cache, CACHE_FLAGS) & SLUB_STORE_USER) {
    const cell = object - load<u32>(cache, CACHE_LEFT);
    memory.fill(cell + load<u32>(cache, CACHE_TRACK), 0, TRACK_SIZE * 2);
  }
}

/** Looks at a range, reports and repairs it. @returns whether it was whole */
function whole(
  page: usize,
  cache: usize,
  entry: usize,
  object: usize,
  what: usize,
  name: usize,
  from: usize,
  to: usize,
  byte: u32,
): bool {
  const at = other_than(from, to, byte);
  if (at == to) return true;
  const end = last_other(at, to, byte);
  object_bug(what, page, cache, entry, object);
  first_byte(at, end, byte);
  fix(cache + CACHE_NAME, name, at, end, byte);
  memory.fill(at, <u8>byte, end - at + 1);
  return false;
}

function red_zones_whole(
  page: usize,
  cache: usize,
  entry: usize,
  object: usize,
  behind: usize,
  byte: u32,
): bool {
  const cell = object - load<u32>(cache, CACHE_LEFT);
  const what = cstr('Redzone overwritten');
  const name = cstr('Redzone');
  const left = whole(page, cache, entry, object, what, name, cell, object, byte);
  const end = cell + load<u32>(cache, CACHE_TRACK);
  return whole(page, cache, entry, object, what, name, behind, end, byte) && left;
}

function free_whole(page: usize, cache: usize, entry: usize, object: usize): bool {
  const flags = load<u32>(cache, CACHE_FLAGS);
  const size = load<u32>(cache, CACHE_OBJECT);
  let good = true;
  if (flags & SLUB_RED_ZONE) good = red_zones_whole(page, cache, entry, object, object + size, RED_INACTIVE);
  if (!poisons(cache, flags)) return good;
  const what = cstr('Poison overwritten');
  const name = cstr('Poison');
  const last = object + size - 1;
  if (!whole(page, cache, entry, object, what, name, object, last, POISON_FREE)) good = false;
  else if (!whole(page, cache, entry, object, what, name, last, last + 1, POISON_END)) good = false;
  return good;
}

/** An object is about to be handed out with `bytes` of it asked for. @returns false where it must not be */
export function debug_alloc(page: usize, cache: usize, entry: usize, object: usize, bytes: u32): bool {
  const flags = load<u32>(cache, CACHE_FLAGS);
  if (!free_whole(page, cache, entry, object)) return false;
  if (poisons(cache, flags)) memory.fill(object, <u8>POISON_INUSE, bytes);
  debug_sized(cache, object, bytes);
  if (flags & SLUB_STORE_USER) {
    const track = object - load<u32>(cache, CACHE_LEFT) + load<u32>(cache, CACHE_TRACK);
    remember(track);
  }
  return true;
}

/** Draws the red zones around an object of which `bytes` are asked for. */
export function debug_sized(cache: usize, object: usize, bytes: u32): void {
  if (!(load<u32>(cache, CACHE_FLAGS) & SLUB_RED_ZONE)) return;
  const left = load<u32>(cache, CACHE_LEFT);
  memory.fill(object - left, <u8>RED_ACTIVE, left);
  memory.fill(object + bytes, <u8>RED_ACTIVE, load<u32>(cache, CACHE_TRACK) - left - bytes);
}

function remember(track: usize): void {
  const mod = <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE);
  track_set(track, mod, load<u32>(MACHINE_BASE, M_CALL_OPERATION));
}

/** Looks at the red zones of an object in use. */
export function debug_used(page: usize, cache: usize, entry: usize, object: usize): void {
  if (load<u32>(cache, CACHE_FLAGS) & SLUB_RED_ZONE)
    red_zones_whole(page, cache, entry, object, object + load<u32>(entry, ENTRY_BYTES), RED_ACTIVE);
}

/** An object comes back. */
export function debug_free(page: usize, cache: usize, entry: usize, object: usize): void {
  const flags = load<u32>(cache, CACHE_FLAGS);
  debug_used(page, cache, entry, object);
  if (flags & SLUB_STORE_USER) {
    const track = object - load<u32>(cache, CACHE_LEFT) + load<u32>(cache, CACHE_TRACK);
    remember(track + TRACK_SIZE);
  }
  paint_free(cache, object);
}

/** A free object's slab is given up. */
export function debug_discard(page: usize, cache: usize, entry: usize, object: usize): void {
  free_whole(page, cache, entry, object);
}

// --- objects with pages of their own

/** Bytes of the red zone in front of a large object. */
// @ts-ignore: decorator
@inline
export function large_left(): usize {
  return load<u32>(MACHINE_BASE, M_SLUB_DEBUG) & SLUB_RED_ZONE ? RED_LEFT : 0;
}

export function debug_large_alloc(page: usize): void {
  const debug = load<u32>(MACHINE_BASE, M_SLUB_DEBUG);
  const object = page_address(page) + large_left();
  if (debug & SLUB_POISON) memory.fill(object, <u8>POISON_INUSE, load<u32>(page, PG_BYTES));
  debug_large_sized(page);
}

export function debug_large_sized(page: usize): void {
  if (!(load<u32>(MACHINE_BASE, M_SLUB_DEBUG) & SLUB_RED_ZONE)) return;
  const from = page_address(page);
  const behind = from + RED_LEFT + load<u32>(page, PG_BYTES);
  memory.fill(from, <u8>RED_ACTIVE, RED_LEFT);
  memory.fill(behind, <u8>RED_ACTIVE, from + load<u32>(page, PG_PAGES) * PAGE_SIZE - behind);
}

/** Looks at the red zones of a large object in use. */
export function debug_large_used(page: usize): void {
  if (!(load<u32>(MACHINE_BASE, M_SLUB_DEBUG) & SLUB_RED_ZONE)) return;
  const from = page_address(page);
  const object = from + RED_LEFT;
  const end = from + load<u32>(page, PG_PAGES) * PAGE_SIZE;
  let at = other_than(from, object, RED_ACTIVE);
  if (at == object) at = other_than(object + load<u32>(page, PG_BYTES), end, RED_ACTIVE);
  if (at == end) return;
  bug(cstr('kmalloc-large'), cstr('Redzone overwritten of object'), object);
  first_byte(at, last_other(at, at < object ? object : end, RED_ACTIVE), RED_ACTIVE);
}
