// Logging. Formats are C strings (cstr) with %d %u %x %s %c %p; arguments are 32-bit words.

import { LEVEL_ERR, LEVEL_INFO, LEVEL_WARNING } from '../../kernel/abi/log';

/** Linux's printk: a level may stand in front as "\x01" and a digit. `args` points to the arguments, a word each. */
@external("env", "printk")
export declare function printk(format: usize, args: usize): i32;


@external("env", "vprintk_emit")
declare function vprintk_emit(level: i32, format: usize, args: usize): i32;

const words = memory.data(16);

function emit(level: i32, format: usize, a: usize, b: usize, c: usize, d: usize): void {
  store<u32>(words, a);
  store<u32>(words, b, 4);
  store<u32>(words, c, 8);
  store<u32>(words, d, 12);
  vprintk_emit(level, format, words);
}

export function pr_info(format: usize, a: usize = 0, b: usize = 0, c: usize = 0, d: usize = 0): void {
  emit(LEVEL_INFO, format, a, b, c, d);
}

export function pr_warn(format: usize, a: usize = 0, b: usize = 0, c: usize = 0, d: usize = 0): void {
  emit(LEVEL_WARNING, format, a, b, c, d);
}

export function pr_err(format: usize, a: usize = 0, b: usize = 0, c: usize = 0, d: usize = 0): void {
  emit(LEVEL_ERR, format, a, b, c, d);
}
