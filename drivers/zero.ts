// /dev/zero: takes everything, gives zeros.

import {
  clear_user,
  cstr,
  EFAULT,
  File,
  FileOperations,
  MODULE_ALIAS,
  MODULE_AUTHOR,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  operation,
  operations_at,
  register_chrdev,
  unregister_chrdev,
} from './include';

MODULE_LICENSE('GPL');
MODULE_AUTHOR('isolab');
MODULE_DESCRIPTION('The zero device');
MODULE_ALIAS('devname:zero');

const fops: FileOperations = operations_at(memory.data(28));
let major: u32 = 0;

function zero_read(file: File, to: usize, count: i32, position: usize): i32 {
  return clear_user(to, count) ? -EFAULT : count;
}

function zero_write(file: File, from: usize, count: i32, position: usize): i32 {
  return count;
}

export function init_module(): i32 {
  fops.read = operation(zero_read);
  fops.write = operation(zero_write);
  const status = register_chrdev(0, cstr('zero'), fops);
  if (status < 0) return status;
  major = status;
  return 0;
}

export function cleanup_module(): void {
  unregister_chrdev(major, cstr('zero'));
}
