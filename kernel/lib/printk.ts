// printk: formats into a static line, takes the level off its front (Linux's "\x01" + digit), and emits. Where a line goes
// is the image's affair: the kernel's image writes the log ring, a domain's sends it to the kernel (emit).

import { EXPORT_SYMBOL } from './export';
import { LEVEL_INFO, LOG_TEXT_MAX } from '../abi/log';
import { vsnprintf } from './format';
import { strlen } from './text';
import { emit } from './emit';

const line = memory.data(256);
const words = memory.data(32);

/** Linux's printk with the arguments as clang passes them. @returns the length of the text */
export function printk(format: usize, args: usize): i32 {
  let level = LEVEL_INFO;
  if (load<u8>(format) == 1 && load<u8>(format, 1)) {
    level = load<u8>(format, 1) - 0x30;
    format += 2;
  }
  return vprintk_emit(level, format, args);
}
EXPORT_SYMBOL(printk);

export function vprintk_emit(level: i32, format: usize, args: usize): i32 {
  vsnprintf(line, LOG_TEXT_MAX + 1, format, args);
  let length = strlen(line);
  if (length && load<u8>(line + length - 1) == 0x0a) length--;
  emit(level, line, length);
  return length;
}
EXPORT_SYMBOL(vprintk_emit);

/** For the kernel's own code: up to five words as arguments. */
export function pr(
  level: i32,
  format: usize,
  a: usize = 0,
  b: usize = 0,
  c: usize = 0,
  d: usize = 0,
  e: usize = 0,
): void {
  store<u32>(words, a);
  store<u32>(words, b, 4);
  store<u32>(words, c, 8);
  store<u32>(words, d, 12);
  store<u32>(words, e, 16);
  vprintk_emit(level, format, words);
}
