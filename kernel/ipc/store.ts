// The data store, after MINIX 3's. A driver publishes state for its successor under keys of its own, as numbers, bytes, or ranges
// of its memory. The kernel keeps the entries when the driver dies. It removes them when the driver is unloaded, given up, or
// loaded for the first time. Only a driver of the same name sees them.
//
// The bytes of a range stay in the memory of the driver that published it. When that driver has died the supervisor keeps its
// memory until a successor is live. Until then the range is the dead driver's, whatever the successor publishes meanwhile: where
// the successor dies in its init the next one finds the same state.

import { MACHINE_BASE } from '../abi/map';
import { M_STORE, M_STORE_COUNT } from '../abi/machine';
import { NAME_SIZE } from '../abi/limits';
import {
  MOD_FLAGS,
  MOD_NAME,
  MOD_STATE,
  MODULE_COMING,
  MODULE_RESTARTED,
  MODULE_UPDATED,
} from '../abi/module';
import {
  INIT_FRESH,
  INIT_LIVE_UPDATE,
  INIT_RESTART,
  RANGE_ADDRESS,
  RANGE_LENGTH,
  RANGE_SIZE,
  RANGE_TAG,
  ST_KEY,
  ST_LENGTH,
  ST_NEXT,
  ST_OLD_LENGTH,
  ST_OLD_TAG,
  ST_OLD_VALUE,
  ST_OWNER,
  ST_SIZE,
  ST_TAG,
  ST_TYPE,
  ST_VALUE,
  ST_VERSION,
  STORE_BYTES,
  STORE_BYTES_MAX,
  STORE_KEY_SIZE,
  STORE_MAX,
  STORE_OWNER_MAX,
  STORE_RANGE,
  STORE_U32,
} from '../abi/store';
import { E2BIG, EINVAL, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC } from '../abi/errno';
import { same_text, strlen, strscpy } from '../lib/text';
import { kfree, kmalloc_for } from '../mm/kmalloc';
import { module_followed } from '../module/list';

function find(owner: usize, key: usize): usize {
  let entry = <usize>load<u32>(MACHINE_BASE, M_STORE);
  while (entry && !(same_text(entry + ST_KEY, key) && same_text(entry + ST_OWNER, owner)))
    entry = <usize>load<u32>(entry, ST_NEXT);
  return entry;
}

function key_error(key: usize): i32 {
  const length = strlen(key);
  return !length ? -EINVAL : length >= STORE_KEY_SIZE ? -ENAMETOOLONG : 0;
}

/** @returns a new entry without a value, or a negative errno */
function add(owner: usize, key: usize): i32 {
  if (load<u32>(MACHINE_BASE, M_STORE_COUNT) >= <u32>STORE_MAX) return -ENOSPC;
  let owned = 0;
  let last = <usize>(MACHINE_BASE + M_STORE - ST_NEXT);
  for (let entry = load<u32>(last, ST_NEXT); entry; entry = load<u32>(entry, ST_NEXT)) {
    if (same_text(<usize>entry + ST_OWNER, owner)) owned++;
    last = <usize>entry;
  }
  if (owned >= STORE_OWNER_MAX) return -ENOSPC;
  const entry = kmalloc_for(0, ST_SIZE);
  if (!entry) return -ENOMEM;
  memory.fill(entry, 0, ST_SIZE);
  strscpy(entry + ST_KEY, key, STORE_KEY_SIZE);
  strscpy(entry + ST_OWNER, owner, NAME_SIZE);
  store<u32>(last, <u32>entry, ST_NEXT);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_STORE_COUNT) + 1, M_STORE_COUNT);
  return <i32>entry;
}

/** Removes the entry that `link` points to. */
function remove(link: usize): void {
  const entry = <usize>load<u32>(link);
  store<u32>(link, load<u32>(entry, ST_NEXT));
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_STORE_COUNT) - 1, M_STORE_COUNT);
  clear(entry);
  kfree(entry);
}

/** Frees an entry's value. */
function clear(entry: usize): void {
  if (load<u32>(entry, ST_TYPE) == STORE_BYTES) kfree(load<u32>(entry, ST_VALUE));
  store<u32>(entry, 0, ST_VALUE);
  store<u32>(entry, 0, ST_LENGTH);
}

/**
 * Publishes a value under a key, in place of any value before.
 *
 * @param type STORE_…
 * @param value a number; the address of the bytes; a range's address
 * @param length of bytes and ranges
 * @param tag the incarnation that a range lies in
 * @returns 0, -EINVAL, -ENAMETOOLONG, -E2BIG, -ENOSPC, -ENOMEM
 */
export function store_publish(mod: usize, key: usize, type: i32, value: u32, length: u32, tag: u32): i32 {
  const wrong = key_error(key);
  if (wrong) return wrong;
  if (type < STORE_U32 || type > STORE_RANGE) return -EINVAL;
  if (type == STORE_BYTES && length > <u32>STORE_BYTES_MAX) return -E2BIG;
  if (type == STORE_RANGE && (!length || <u64>value + <u64>length > 0xffffffff)) return -EINVAL;
  let copy: usize = 0;
  if (type == STORE_BYTES && length) {
    copy = kmalloc_for(0, length);
    if (!copy) return -ENOMEM;
    memory.copy(copy, value, length);
  }
  let entry = find(mod + MOD_NAME, key);
  if (!entry) {
    const added = add(mod + MOD_NAME, key);
    if (added < 0) {
      kfree(copy);
      return added;
    }
    entry = <usize>added;
  }
  clear(entry);
  if (type != STORE_RANGE) store<u32>(entry, 0, ST_OLD_LENGTH);
  store<u32>(entry, type, ST_TYPE);
  store<u32>(entry, type == STORE_BYTES ? <u32>copy : value, ST_VALUE);
  store<u32>(entry, type == STORE_U32 ? 4 : length, ST_LENGTH);
  store<u32>(entry, tag, ST_TAG);
  store<u32>(entry, load<u32>(entry, ST_VERSION) + 1, ST_VERSION);
  return 0;
}

/**
 * Writes a value to `to`: a number, bytes, or the description of a range (RANGE_…).
 * @param size bytes at `to`
 * @returns bytes; -ENOENT, -EINVAL (it is of another type), -E2BIG (there is no room), -ENAMETOOLONG
 */
export function store_retrieve(mod: usize, key: usize, type: i32, to: usize, size: u32): i32 {
  const wrong = key_error(key);
  if (wrong) return wrong;
  const entry = find(mod + MOD_NAME, key);
  if (!entry) return -ENOENT;
  if (load<u32>(entry, ST_TYPE) != type) return -EINVAL;
  const length = type == STORE_RANGE ? <u32>RANGE_SIZE : load<u32>(entry, ST_LENGTH);
  if (length > size) return -E2BIG;
  const value = load<u32>(entry, ST_VALUE);
  if (type == STORE_U32) store<u32>(to, value);
  else if (type == STORE_BYTES) memory.copy(to, value, length);
  else {
    const old = load<u32>(entry, ST_OLD_LENGTH);
    store<u32>(to, old ? load<u32>(entry, ST_OLD_VALUE) : value, RANGE_ADDRESS);
    store<u32>(to, old ? old : load<u32>(entry, ST_LENGTH), RANGE_LENGTH);
    store<u32>(to, old ? load<u32>(entry, ST_OLD_TAG) : 0, RANGE_TAG);
  }
  return <i32>length;
}

/** @returns how often a key was published, or -ENOENT */
export function store_version(mod: usize, key: usize): i32 {
  const entry = find(mod + MOD_NAME, key);
  return entry ? load<i32>(entry, ST_VERSION) : -ENOENT;
}

/** @returns 0 or -ENOENT */
export function store_delete(mod: usize, key: usize): i32 {
  const entry = find(mod + MOD_NAME, key);
  if (!entry) return -ENOENT;
  let link = <usize>(MACHINE_BASE + M_STORE);
  while (<usize>load<u32>(link) != entry) link = <usize>load<u32>(link) + ST_NEXT;
  remove(link);
  return 0;
}

/** How a module was loaded: INIT_…. */
export function store_mode(mod: usize): i32 {
  const flags = load<u32>(mod, MOD_FLAGS);
  return flags & MODULE_UPDATED ? INIT_LIVE_UPDATE : flags & MODULE_RESTARTED ? INIT_RESTART : INIT_FRESH;
}

/** Removes every entry of an owner (a module's name). */
export function store_forget(owner: usize): void {
  let link = <usize>(MACHINE_BASE + M_STORE);
  for (let entry = <usize>load<u32>(link); entry; entry = <usize>load<u32>(link)) {
    if (same_text(entry + ST_OWNER, owner)) remove(link);
    else link = entry + ST_NEXT;
  }
}

/** A module is live: the ranges in its predecessor's memory are dropped. */
export function store_live(mod: usize): void {
  let link = <usize>(MACHINE_BASE + M_STORE);
  for (let entry = <usize>load<u32>(link); entry; entry = <usize>load<u32>(link)) {
    if (same_text(entry + ST_OWNER, mod + MOD_NAME)) {
      store<u32>(entry, 0, ST_OLD_LENGTH);
      if (!load<u32>(entry, ST_LENGTH) && load<u32>(entry, ST_TYPE) == STORE_RANGE) {
        remove(link);
        continue;
      }
    }
    link = entry + ST_NEXT;
  }
}

/**
 * A module of another domain is gone, in the state that it is in.
 * @param keep whether it was unloaded for a successor
 */
export function store_gone(mod: usize, keep: bool): void {
  const state = load<u32>(mod, MOD_STATE);
  if (!module_followed(mod, keep)) return store_forget(mod + MOD_NAME);
  let link = <usize>(MACHINE_BASE + M_STORE);
  for (let entry = <usize>load<u32>(link); entry; entry = <usize>load<u32>(link)) {
    const range = load<u32>(entry, ST_TYPE) == STORE_RANGE && same_text(entry + ST_OWNER, mod + MOD_NAME);
    if (range && state != MODULE_COMING) {
      store<u32>(entry, load<u32>(entry, ST_VALUE), ST_OLD_VALUE);
      store<u32>(entry, load<u32>(entry, ST_LENGTH), ST_OLD_LENGTH);
      store<u32>(entry, load<u32>(entry, ST_TAG), ST_OLD_TAG);
    }
    if (range) clear(entry);
    if (range && !load<u32>(entry, ST_OLD_LENGTH)) remove(link);
    else link = entry + ST_NEXT;
  }
}
