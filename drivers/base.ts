// A module that others stand on: it has no device, only functions that it exports. `stacked` uses them.
//
// Each shows a way in which a call may cross from one module to another: a number, and a buffer in either direction. In
// one domain that is a call like any other; between two, a gate carries it, which knows from the types InBuffer, OutBuffer
// and Length what it has to copy. `loads` persists: what it is at rmmod is there at the next insmod.

import {
  EINVAL,
  EXPORT_SYMBOL,
  EXPORT_SYMBOL_GPL,
  InBuffer,
  Length,
  MODULE_AUTHOR,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  module_param,
  MODULE_PERSIST,
  MODULE_VERSION,
  OutBuffer,
} from './include';

MODULE_LICENSE('GPL');
MODULE_AUTHOR('isolab');
MODULE_DESCRIPTION('Functions for other modules');
MODULE_VERSION('1.0');

let loads: u32 = 0;
module_param(loads, 'uint', 0o444, 'how often it was loaded; kept when it is removed');
MODULE_PERSIST(loads);

let count: i32 = 0;

/** Counts on by `step`. @returns the count, or -EINVAL where it would fall or overflow */
export function base_count(step: i32): i32 {
  if (step < 0 || step > i32.MAX_VALUE - count) return -EINVAL;
  count += step;
  return count;
}
EXPORT_SYMBOL(base_count);

/** Begins again at 0. For modules under the GPL alone. */
export function base_reset(): void {
  count = 0;
}
EXPORT_SYMBOL_GPL(base_reset);

/** @returns the sum of `length` bytes, or -EINVAL for a negative length */
export function base_sum(data: InBuffer, length: Length): i32 {
  if (length < 0) return -EINVAL;
  let sum = 0;
  for (let i = 0; i < length; i++) sum += load<u8>(data + i);
  return sum;
}
EXPORT_SYMBOL(base_sum);

/** Makes every one of `length` bytes `value`. @returns the length, or -EINVAL for a negative one */
export function base_fill(to: OutBuffer, length: Length, value: i32): i32 {
  if (length < 0) return -EINVAL;
  memory.fill(to, <u8>value, length);
  return length;
}
EXPORT_SYMBOL(base_fill);

export function init_module(): i32 {
  loads++;
  return 0;
}

export function cleanup_module(): void {}
