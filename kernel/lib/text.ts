// C strings: UTF-8 ending in NUL. Nothing here allocates.

import { EXPORT_SYMBOL } from './export';
import { E2BIG } from '../abi/errno';
import { FNV_OFFSET, FNV_PRIME } from '../abi/log';

export function strlen(text: usize): i32 {
  let end = text;
  while (load<u8>(end)) end++;
  return <i32>(end - text);
}
EXPORT_SYMBOL(strlen);

export function same_text(a: usize, b: usize): bool {
  while (load<u8>(a) && load<u8>(a) == load<u8>(b)) {
    a++;
    b++;
  }
  return load<u8>(a) == load<u8>(b);
}

/** Whether two names of modules or devices are equal: `-` and `_` are the same letter, as in Linux. */
export function same_name(a: usize, b: usize): bool {
  return !name_order(a, b);
}

/** The order of two names that are compared so: 0 where they are equal. */
export function name_order(a: usize, b: usize): i32 {
  let x = plain(load<u8>(a));
  while (x && x == plain(load<u8>(b))) {
    x = plain(load<u8>(++a));
    b++;
  }
  return <i32>x - <i32>plain(load<u8>(b));
}


@inline
function plain(letter: u8): u8 {
  return letter == 0x2d ? 0x5f : letter;
}

/** Copies a text into `size` bytes, cut to fit, always ended by NUL. @returns its length, or -E2BIG where it was cut */
export function strscpy(to: usize, from: usize, size: i32): i32 {
  if (size <= 0) return -E2BIG;
  let i = 0;
  for (; i < size - 1; i++) {
    const letter = load<u8>(from + i);
    if (!letter) break;
    store<u8>(to + i, letter);
  }
  store<u8>(to + i, 0);
  return load<u8>(from + i) ? -E2BIG : i;
}
EXPORT_SYMBOL(strscpy);

/** FNV-1a (Fowler, Noll, Vo), 32 bits, going on from `hash`. */
export function fnv(hash: u32, from: usize, length: i32): u32 {
  for (let i = 0; i < length; i++) hash = (hash ^ load<u8>(from + i)) * FNV_PRIME;
  return hash;
}

export function fnv_text(text: usize): u32 {
  return fnv(FNV_OFFSET, text, strlen(text));
}

/** The base in which Linux reads a number without being told one: 16 after 0x, 8 after 0, else 10. */
export function number_base(text: usize): u64 {
  if (load<u8>(text) != 0x30) return 10;
  return (load<u8>(text, 1) | 0x20) == 0x78 ? 16 : 8;
}
