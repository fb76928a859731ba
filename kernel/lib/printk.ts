// printk: formats into a static line, takes the level off its front (Linux's "\x01" + digit), and emits. Where a line goes
// is the image's affair: the kernel's image writes the log ring, a domain's sends it to the kernel (emit).

import { EXPORT_SYMBOL } from './export';
import { LEVEL_WARNING, LOG_TEXT_MAX } from '../abi/log';
import { vsnprintf } from './format';
import { strlen } from './text';
import { emit } from './emit';

const line = memory.data(256);
const words = memory.data(32);

/** Of a line that names no level, as /proc/sys/kernel/printk says. */
const DEFAULT_LEVEL: i32 = LEVEL_WARNING;

/** Linux's printk with the arguments as clang passes them. @returns the length of the text */
export function printk(format: usize, args: usize): i32 {
  let level = DEFAULT_LEVEL;
  const mark = load<u8>(format, 1);
  if (load<u8>(format) == 1 && mark) {
    if (mark >= 0x30 && mark <= 0x37) level = mark - 0x30; // else KERN_CONT, which begins a line of its own here
    format += 2;
  }
  return vprintk_emit(level, format, args);
}
EXPORT_SYMBOL(printk);

/** A newline ends the text; one before that begins another line of the log, as Linux's dmesg shows it. */
export function vprintk_emit(level: i32, format: usize, args: usize): i32 {
  vsnprintf(line, LOG_TEXT_MAX + 1, format, args);
  const length = strlen(line) - i32(ends_in_newline(line));
  let from = 0;
  for (let i = 0; i < length; i++) {
    if (load<u8>(line + i) != 0x0a) continue;
    emit(level, line + from, i - from);
    from = i + 1;
  }
  emit(level, line + from, length - from);
  return length;
}
EXPORT_SYMBOL(vprintk_emit);

function ends_in_newline(text: usize): bool {
  const length = strlen(text);
  return length > 0 && load<u8>(text + length - 1) == 0x0a;
}

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
