// The result of the last look-up of a path (path.ts, and sysfs.ts below /sys/module).

import { NAME_SIZE } from '../abi/limits';

/** The record that an open file refers to: a node, or a record of sysfs. */
export let found_at: usize = 0;
/** A DT_. */
export let found_type: u32 = 0;
export let found_mode: u32 = 0;
/** Of a device's name: major << MINOR_BITS | minor. */
export let found_rdev: u32 = 0;
export let found_inode: u32 = 0;
/** The directory of the last name, and that name. */
export let found_parent: usize = 0;
export const found_name = memory.data(NAME_SIZE);

export function set_found(at: usize, type: u32, mode: u32, rdev: u32, inode: u32): void {
  found_at = at;
  found_type = type;
  found_mode = mode;
  found_rdev = rdev;
  found_inode = inode;
}

export function set_found_parent(directory: usize): void {
  found_parent = directory;
}
