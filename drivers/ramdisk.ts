// /dev/ramdisk: `size` bytes of kernel memory, read and written at the file's position. The disk is in the data store: a driver
// that takes the place of a dead one has its content, and nobody who reads or writes notices.

import {
  copy_from_user,
  copy_to_user,
  cstr,
  ds_publish_range,
  ds_publish_u32,
  ds_retrieve_range,
  ds_retrieve_u32,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOSPC,
  File,
  FileOperations,
  fixed_size_llseek,
  FOP_IDEMPOTENT,
  INIT_FRESH,
  init_mode,
  MODULE_ALIAS,
  MODULE_AUTHOR,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  module_param,
  operation,
  operations_at,
  pr_err,
  pr_info,
  pr_warn,
  register_chrdev,
  unregister_chrdev,
  vfree,
  vzalloc,
} from './include';

MODULE_LICENSE('GPL');
MODULE_AUTHOR('isolab');
MODULE_DESCRIPTION('A disk in memory');
MODULE_ALIAS('devname:ramdisk');

export let size: u32 = 0x200000;
module_param(size, 'uint', 0o444, 'size of the disk in bytes');

const fops: FileOperations = operations_at(memory.data(28));
let major: u32 = 0;
let disk: usize = 0;

/** How many of `count` bytes lie on the disk from `position` on. */
// @ts-ignore: decorator
@inline
function available(position: u64, count: i32): i32 {
  return position >= <u64>size ? 0 : <i32>min<u64>(<u64>count, <u64>size - position);
}

function ramdisk_read(file: File, to: usize, count: i32, position: usize): i32 {
  const at = load<u64>(position);
  const bytes = available(at, count);
  if (!bytes) return 0;
  if (copy_to_user(to, disk + <usize>at, bytes)) return -EFAULT;
  store<u64>(position, at + bytes);
  return bytes;
}

function ramdisk_write(file: File, from: usize, count: i32, position: usize): i32 {
  const at = load<u64>(position);
  const bytes = available(at, count);
  if (count && !bytes) return -ENOSPC;
  if (copy_from_user(disk + <usize>at, from, bytes)) return -EFAULT;
  store<u64>(position, at + bytes);
  return bytes;
}

function ramdisk_llseek(file: File, offset: i64, whence: i32): i64 {
  return fixed_size_llseek(file, offset, whence, size);
}

/** Takes over the disk of a predecessor. */
function take_over(): void {
  const old = memory.data(4);
  if (ds_retrieve_u32(cstr('size'), old) < 0) return; // it had come to nothing yet
  if (load<u32>(old) != size) {
    pr_warn(cstr('ramdisk: the disk before had %u bytes; this one begins empty'), load<u32>(old));
    return;
  }
  const bytes = ds_retrieve_range(cstr('disk'), disk, size);
  if (bytes != <i32>size) pr_warn(cstr('ramdisk: the disk before is lost: %d'), bytes);
}

export function init_module(): i32 {
  if (!size) {
    pr_err(cstr('ramdisk: size must not be 0'));
    return -EINVAL;
  }
  disk = vzalloc(size);
  if (!disk) return -ENOMEM;
  if (init_mode() != INIT_FRESH) take_over();
  if (ds_publish_u32(cstr('size'), size) < 0 || ds_publish_range(cstr('disk'), disk, size) < 0)
    pr_warn(cstr('ramdisk: no room in the data store: a restart will lose the content'));
  fops.llseek = operation(ramdisk_llseek);
  fops.read = operation(ramdisk_read);
  fops.write = operation(ramdisk_write);
  fops.flags = FOP_IDEMPOTENT;
  const status = register_chrdev(0, cstr('ramdisk'), fops);
  if (status < 0) {
    vfree(disk);
    return status;
  }
  major = status;
  pr_info(cstr('ramdisk: %u KiB'), size >> 10);
  return 0;
}

export function cleanup_module(): void {
  unregister_chrdev(major, cstr('ramdisk'));
  vfree(disk);
}
