// What a C compiler calls by itself, and C drivers by name: bytes and strings, as libc has them. Part of both images.

import { EXPORT_SYMBOL } from './export';
import { vsnprintf } from './format';

export function memcpy(to: usize, from: usize, count: usize): usize {
  memory.copy(to, from, count);
  return to;
}
EXPORT_SYMBOL(memcpy);

export function memmove(to: usize, from: usize, count: usize): usize {
  memory.copy(to, from, count);
  return to;
}
EXPORT_SYMBOL(memmove);

export function memset(to: usize, byte: i32, count: usize): usize {
  memory.fill(to, <u8>byte, count);
  return to;
}
EXPORT_SYMBOL(memset);

/** @returns the difference of the first bytes that differ, as unsigned ones */
export function memcmp(a: usize, b: usize, count: usize): i32 {
  for (let i: usize = 0; i < count; i++) {
    const difference = <i32>load<u8>(a + i) - <i32>load<u8>(b + i);
    if (difference) return difference;
  }
  return 0;
}
EXPORT_SYMBOL(memcmp);

export function strcmp(a: usize, b: usize): i32 {
  return strncmp(a, b, -1);
}
EXPORT_SYMBOL(strcmp);

export function strncmp(a: usize, b: usize, count: usize): i32 {
  for (let i: usize = 0; i < count; i++) {
    const letter = load<u8>(a + i);
    const difference = <i32>letter - <i32>load<u8>(b + i);
    if (difference || !letter) return difference;
  }
  return 0;
}
EXPORT_SYMBOL(strncmp);

/** `args` points to the arguments, a word each. @returns the length that the whole text would have had */
export function snprintf(to: usize, size: i32, format: usize, args: usize): i32 {
  return vsnprintf(to, size, format, args);
}
EXPORT_SYMBOL(snprintf);
