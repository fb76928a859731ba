// copy_to_user and copy_from_user in the kernel's domain: the user area is part of this memory, so a copy is a check and a
// memory.copy.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE } from '../abi/map';
import { M_CALL_CLIENT } from '../abi/machine';
import { access_ok } from './clients';

/** @returns how many bytes could not be copied: 0 or all, as Linux counts */
export function copy_to_user(to: usize, from: usize, count: usize): usize {
  if (!access_ok(load<u32>(MACHINE_BASE, M_CALL_CLIENT) - 1, to, <i32>count)) return count;
  if (count) memory.copy(to, from, count); // engines call a function even for 0 bytes
  return 0;
}
EXPORT_SYMBOL(copy_to_user);

export function copy_from_user(to: usize, from: usize, count: usize): usize {
  if (!access_ok(load<u32>(MACHINE_BASE, M_CALL_CLIENT) - 1, from, <i32>count)) return count;
  if (count) memory.copy(to, from, count); // engines call a function even for 0 bytes
  return 0;
}
EXPORT_SYMBOL(copy_from_user);

/** Fills a range of the caller's memory with zeros. @returns how many bytes could not be cleared */
export function clear_user(to: usize, count: usize): usize {
  if (!access_ok(load<u32>(MACHINE_BASE, M_CALL_CLIENT) - 1, to, <i32>count)) return count;
  memory.fill(to, 0, count);
  return 0;
}
EXPORT_SYMBOL(clear_user);
