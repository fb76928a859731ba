// The gates of a driver's domain: kernel symbols whose code is in the kernel's domain. A gate is a call over the channel, or a copy
// between this memory and the range that the request in progress grants. The host does both (host/domain/imports.ts).

import { EXPORT_SYMBOL } from '../../lib/export';
import { MACHINE_BASE, PAGE_SIZE } from '../../abi/map';
import { CALL_LOG, CALL_REGISTER_CHRDEV, CALL_UNREGISTER_CHRDEV } from '../../abi/operation';
import { M_CALL_MODULE } from '../../abi/machine';
import { FOPS_FLAGS } from '../../abi/file';
import { device_add, device_by_major, device_remove } from '../../fs/devices';
import { strlen } from '../../lib/text';

/** Calls the kernel and waits for its answer. @returns its status */
@external("host", "call")
export declare function call(operation: i32, a: i32, b: i32, data: usize, length: i32): i32;

/** Copies from here to a granted range. @returns 0, or 1 when the grant does not allow it */
@external("host", "copy_out")
declare function copy_out(to: usize, from: usize, count: usize): i32;

/** Copies from a granted range to here. */
@external("host", "copy_in")
declare function copy_in(to: usize, from: usize, count: usize): i32;

/** Has the supervisor log a warning: a text (0 for none) and the call trace of this call. */
@external("host", "warn")
declare function show_warning(text: usize): void;

/** Ends the thread of this domain; does not return. */
@external("host", "exit")
declare function exit(code: i32): void;

export function emit_to_kernel(level: i32, text: usize, length: i32): void {
  call(CALL_LOG, level, 0, text, length);
}

export function register_chrdev(major: u32, name: usize, fops: usize): i32 {
  const flags = load<u32>(fops, FOPS_FLAGS);
  const given = call(CALL_REGISTER_CHRDEV, major, flags, name, strlen(name));
  if (given < 0) return given;
  const mod = <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE);
  const status = device_add(given, name, 0, mod, fops, flags);
  if (status < 0) call(CALL_UNREGISTER_CHRDEV, given, 0, 0, 0);
  return major && status > 0 ? 0 : status;
}
EXPORT_SYMBOL(register_chrdev);

export function unregister_chrdev(major: u32, name: usize): void {
  const dev = major ? device_by_major(major) : 0;
  if (!dev) return;
  device_remove(dev);
  call(CALL_UNREGISTER_CHRDEV, major, 0, name, strlen(name));
}
EXPORT_SYMBOL(unregister_chrdev);

/** @returns how many bytes could not be copied: 0 or all */
export function copy_to_user(to: usize, from: usize, count: usize): usize {
  return count && copy_out(to, from, count) ? count : 0;
}
EXPORT_SYMBOL(copy_to_user);

export function copy_from_user(to: usize, from: usize, count: usize): usize {
  return count && copy_in(to, from, count) ? count : 0;
}
EXPORT_SYMBOL(copy_from_user);

const zeros = memory.data(4096);

export function clear_user(to: usize, count: usize): usize {
  for (let done: usize = 0; done < count; done += PAGE_SIZE) {
    const piece = min<usize>(count - done, PAGE_SIZE);
    if (copy_out(to + done, zeros, piece)) return count - done;
  }
  return 0;
}
EXPORT_SYMBOL(clear_user);

/** WARN: the driver warns and goes on. The kernel is not tainted, because its memory was not touched. */
export function warn_slowpath(what: usize): void {
  show_warning(what);
}
EXPORT_SYMBOL(warn_slowpath);

/** Linux's do_exit. The task that runs a driver's code is the driver's own thread here. */
export function do_exit(code: i32): void {
  exit(code);
}
EXPORT_SYMBOL(do_exit);
