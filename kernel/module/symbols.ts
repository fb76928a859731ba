// The symbol table of a domain: kernel and module exports in one table, sorted by the hash of their names, so that a look-up
// is a binary search over words and one comparison of texts, however many modules there are. Names of one hash are in their
// own order: somebody may have looked for many. Entries are kept for their modules (./kept.ts); the table has a word pair
// (hash, entry) for each, and is made twice as large when it is full.

import { MACHINE_BASE } from '../abi/map';
import { M_SYMBOLS, M_SYMBOL_COUNT } from '../abi/machine';
import { MAX_SYMBOLS, NAME_SIZE } from '../abi/limits';
import { SYM_HASH, SYM_VALUE, SYM_OWNER, SYM_FLAGS, SYM_CRC, SYM_NAME, SYM_SIZE } from '../abi/module';
import { ENOMEM, EEXIST, ENAMETOOLONG, ENOSPC } from '../abi/errno';
import { kmalloc_for, kfree } from '../mm/kmalloc';
import { strcmp } from '../lib/string';
import { fnv_text, same_text, strlen, strscpy } from '../lib/text';
import { keep_alloc, keep_free } from './kept';

/** Entries that the table has room for at first. */
const FIRST_ROOM = 1024;

let table: usize = 0;
let count: i32 = 0;
let room: i32 = 0;

export function symbols_init(): void {
  grow(FIRST_ROOM);
}

/** Moves the table to one of `to` entries. @returns false where there is no memory */
function grow(to: i32): bool {
  const grown = kmalloc_for(0, to << 3);
  if (!grown) return false;
  const old = table;
  memory.copy(grown, old, count << 3);
  memory.fill(grown + (count << 3), 0, (to - count) << 3);
  table = grown;
  room = to;
  store<u32>(MACHINE_BASE, <u32>grown, M_SYMBOLS);
  kfree(old);
  return true;
}

// @ts-ignore: decorator
@inline
function at(i: i32): usize {
  return table + ((<usize>i) << 3);
}

// @ts-ignore: decorator
@inline
function entry_at(i: i32): usize {
  return <usize>load<u32>(at(i), 4);
}

/** @returns the first place whose hash and name are not below these */
function place_of(hash: u32, name: usize): i32 {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = load<u32>(at(middle));
    if (other < hash || (other == hash && strcmp(entry_at(middle) + SYM_NAME, name) < 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @returns the symbol's entry, or 0 */
export function find_symbol(name: usize): usize {
  const hash = fnv_text(name);
  const place = place_of(hash, name);
  if (place == count || load<u32>(at(place)) != hash) return 0;
  const entry = entry_at(place);
  return same_text(entry + SYM_NAME, name) ? entry : 0;
}

function set_count(to: i32): void {
  count = to;
  store<u32>(MACHINE_BASE, to, M_SYMBOL_COUNT);
}

/** The look-up benchmark. @returns how many of `rounds` look-ups found the symbol */
export function bench_lookup(rounds: i32, name: usize): i32 {
  let found = 0;
  for (let i = 0; i < rounds; i++) if (find_symbol(name)) found++;
  return found;
}

/** @returns 0, -EEXIST, -ENOMEM, -ENOSPC or -ENAMETOOLONG */
export function add_symbol(owner: usize, name: usize, value: u32, flags: u32, crc: u32): i32 {
  if (strlen(name) >= NAME_SIZE) return -ENAMETOOLONG;
  if (count >= MAX_SYMBOLS) return -ENOSPC;
  if (find_symbol(name)) return -EEXIST;
  if (count == room && !grow(min(room << 1, MAX_SYMBOLS))) return -ENOMEM;
  const entry = keep_alloc(owner, SYM_SIZE);
  if (!entry) return -ENOMEM;
  const hash = fnv_text(name);
  memory.fill(entry, 0, SYM_SIZE);
  store<u32>(entry, hash, SYM_HASH);
  store<u32>(entry, value, SYM_VALUE);
  store<u32>(entry, <u32>owner, SYM_OWNER);
  store<u32>(entry, flags, SYM_FLAGS);
  store<u32>(entry, crc, SYM_CRC);
  strscpy(entry + SYM_NAME, name, NAME_SIZE);
  const place = place_of(hash, name);
  memory.copy(at(place + 1), at(place), (<usize>(count - place)) << 3);
  store<u32>(at(place), hash);
  store<u32>(at(place), <u32>entry, 4);
  set_count(count + 1);
  return 0;
}

/** Takes back every symbol that `owner` exported. */
export function remove_symbols(owner: usize): void {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const entry = entry_at(i);
    if (<usize>load<u32>(entry, SYM_OWNER) == owner) {
      keep_free(owner, entry);
    } else {
      store<u64>(at(kept), load<u64>(at(i)));
      kept++;
    }
  }
  memory.fill(at(kept), 0, (<usize>(count - kept)) << 3);
  set_count(kept);
}
