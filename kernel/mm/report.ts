// What the allocators say when they find damage, in Linux's words: what, where, and who had the object. Every report sets
// taint B. Nothing here repairs anything.

import { MACHINE_BASE } from '../abi/map';
import { M_MODULES, M_TAINT, TAINT_BAD_PAGE } from '../abi/machine';
import { MAX_MODULES } from '../abi/limits';
import { MOD_NAME, MOD_NEXT } from '../abi/module';
import {
  CACHE_FLAGS,
  CACHE_LEFT,
  CACHE_NAME,
  CACHE_TRACK,
  ENTRY_BYTES,
  PG_FREE,
  PG_OBJECTS,
  PG_USED,
  SLUB_STORE_USER,
  TRACK_SIZE,
} from '../abi/heap';
import { LEVEL_ERR } from '../abi/log';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { taint_letter, TAINTS } from '../lib/taint';
import { page_address } from './page';

const taint_line = memory.data(48);
/** Tracked events so far. */
let events: u32 = 0;

/** Linux's print_tainted: `Not tainted`, or `Tainted: ` and a letter or a blank for each bit. */
function taint_text(): usize {
  const taint = load<u32>(MACHINE_BASE, M_TAINT);
  if (!taint) return cstr('Not tainted');
  const head = cstr('Tainted: ');
  memory.copy(taint_line, head, 9);
  let end: usize = 9;
  for (let bit = 0; bit < TAINTS; bit++) {
    const on = (taint >> bit) & 1;
    const letter: u32 = on ? taint_letter(bit) : bit ? 0x20 : 0x47; // G where there is no P
    store<u8>(taint_line + 9 + bit, <u8>letter);
    if (letter != 0x20) end = 10 + bit;
  }
  store<u8>(taint_line + end, 0);
  return taint_line;
}

/** `BUG NAME (Not tainted): ` and what is wrong; `address` goes into the text. */
export function bug(name: usize, what: usize, address: usize): void {
  const taint = taint_text();
  pr(LEVEL_ERR, cstr('BUG %s (%s): %s 0x%08x'), name, taint, what, address);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_BAD_PAGE, M_TAINT);
}

/** The same of an object of a slab: its size, its history. `entry` is 0 where none is known to begin at `object`. */
export function object_bug(what: usize, page: usize, cache: usize, entry: usize, object: usize): void {
  pr(LEVEL_ERR, cstr('BUG %s (%s): %s'), cache + CACHE_NAME, taint_text(), what);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_BAD_PAGE, M_TAINT);
  if (entry && load<u32>(cache, CACHE_FLAGS) & SLUB_STORE_USER) {
    const track = object - load<u32>(cache, CACHE_LEFT) + load<u32>(cache, CACHE_TRACK);
    print_track(cstr('Allocated'), track);
    print_track(cstr('Freed'), track + TRACK_SIZE);
  }
  pr(
    LEVEL_ERR,
    cstr('Slab 0x%08x objects=%u used=%u fp=0x%08x'),
    page_address(page),
    load<u16>(page, PG_OBJECTS),
    load<u32>(page, PG_USED),
    load<u32>(page, PG_FREE),
  );
  const offset = object - page_address(page);
  const bytes = entry ? load<i32>(entry, ENTRY_BYTES) : 0;
  if (!entry) pr(LEVEL_ERR, cstr('Object 0x%08x @offset=%u'), object, offset);
  else if (bytes < 0) pr(LEVEL_ERR, cstr('Object 0x%08x @offset=%u free'), object, offset);
  else pr(LEVEL_ERR, cstr('Object 0x%08x @offset=%u size=%u'), object, offset, bytes);
}

/** Where bytes differ from what should be there. */
export function first_byte(from: usize, to: usize, wanted: u32): void {
  pr(LEVEL_ERR, cstr('0x%08x-0x%08x. First byte 0x%02x instead of 0x%02x'), from, to, load<u8>(from), wanted);
}

export function fix(cache: usize, what: usize, from: usize, to: usize, byte: u32): void {
  pr(LEVEL_ERR, cstr('FIX %s: Restoring %s 0x%08x-0x%08x=0x%02x'), cache, what, from, to, byte);
}

export function track_set(track: usize, mod: usize, operation: u32): void {
  store<u32>(track, <u32>mod);
  store<u32>(track, (++events << 8) | (operation & 0xff), 4);
}

/** Whether the module that a track names is still there: a track stays when it goes. */
function is_module(mod: usize): bool {
  let at = <usize>load<u32>(MACHINE_BASE, M_MODULES);
  for (let i = 0; at && i < MAX_MODULES; i++) {
    if (at == mod) return true;
    at = <usize>load<u32>(at, MOD_NEXT);
  }
  return false;
}

export function name_of(mod: usize): usize {
  if (!mod) return cstr('kernel');
  return is_module(mod) ? mod + MOD_NAME : cstr('an unloaded module');
}

function print_track(what: usize, track: usize): void {
  const word = load<u32>(track, 4);
  if (!word) return;
  const age = (events - (word >> 8)) & 0xffffff;
  pr(
    LEVEL_ERR,
    cstr('%s in %s, operation %u, age=%u'),
    what,
    name_of(<usize>load<u32>(track)),
    word & 0xff,
    age,
  );
}

/** A page that lay free was written. */
export function page_corrupt(address: usize): void {
  pr(LEVEL_ERR, cstr('pagealloc: memory corruption at 0x%08x (%s)'), address, taint_text());
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_BAD_PAGE, M_TAINT);
}
