// /dev/stacked: a device that does its work with the functions of `base`, in whichever domain that lies. A read counts on
// and gives as many bytes as the count then is, at most those asked for; a write tells in the log what its bytes add up
// to. Its parameters are one of each kind.

import {
  copy_from_user,
  copy_to_user,
  cstr,
  EFAULT,
  File,
  FileOperations,
  MODULE_ALIAS,
  MODULE_AUTHOR,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  module_param,
  module_param_array,
  MODULE_VERSION,
  operation,
  operations_at,
  pr_info,
  register_chrdev,
  unregister_chrdev,
} from './include';

MODULE_LICENSE('GPL');
MODULE_AUTHOR('isolab');
MODULE_DESCRIPTION('A device that stands on the module base');
MODULE_VERSION('1.0');
MODULE_ALIAS('devname:stacked');

let first: i32 = 40;
module_param(first, 'int', 0o444, 'what is counted when it is loaded');
let step: u32 = 1;
module_param(step, 'uint', 0o644, 'what a read counts');
let quiet: bool = false;
module_param(quiet, 'bool', 0o644, 'nothing in the log');
let label: usize = cstr('base');
module_param(label, 'charp', 0o644, 'what the log calls the module below');
const bytes: StaticArray<u32> = [0x73, 0x74, 0x61, 0x63, 0x6b];
module_param_array(bytes, 'uint', 0o644, 'the byte that a read gives: that of the first, the second …');

// What another module exports is imported like a symbol of the kernel.

// @ts-ignore: decorator
@external("env", "base_count")
declare function base_count(step: i32): i32;

// @ts-ignore: decorator
@external("env", "base_sum")
declare function base_sum(data: usize, length: i32): i32;

// @ts-ignore: decorator
@external("env", "base_fill")
declare function base_fill(to: usize, length: i32, value: i32): i32;

const PART: i32 = 64;
const part = memory.data(64);
const fops: FileOperations = operations_at(memory.data(28));
let major: u32 = 0;
let reads: i32 = 0;

function stacked_read(file: File, to: usize, count: i32, position: usize): i32 {
  const counted = base_count(step);
  if (counted < 0) return counted;
  const length = min(counted, count);
  const byte = bytes[reads++ % bytes.length];
  for (let done = 0; done < length; done += PART) {
    const size = min(PART, length - done);
    const status = base_fill(part, size, byte);
    if (status < 0) return status;
    if (copy_to_user(to + done, part, size)) return -EFAULT;
  }
  return length;
}

function stacked_write(file: File, from: usize, count: i32, position: usize): i32 {
  let total = 0;
  for (let done = 0; done < count; done += PART) {
    const size = min(PART, count - done);
    if (copy_from_user(part, from + done, size)) return -EFAULT;
    const sum = base_sum(part, size);
    if (sum < 0) return sum;
    total += sum;
  }
  if (!quiet) pr_info(cstr('stacked: %s sums up to %d'), label, total);
  return count;
}

export function init_module(): i32 {
  fops.read = operation(stacked_read);
  fops.write = operation(stacked_write);
  const status = register_chrdev(0, cstr('stacked'), fops);
  if (status < 0) return status;
  major = status;
  const counted = base_count(first);
  if (counted < 0) {
    unregister_chrdev(major, cstr('stacked'));
    return counted;
  }
  if (!quiet) pr_info(cstr('stacked: %s counts %d'), label, counted);
  return 0;
}

export function cleanup_module(): void {
  unregister_chrdev(major, cstr('stacked'));
}
