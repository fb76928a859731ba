// /dev/null: takes everything, gives nothing.

import {
  cstr,
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
MODULE_DESCRIPTION('The null device');
MODULE_ALIAS('devname:null');

const fops: FileOperations = operations_at(memory.data(28));
let major: u32 = 0;

function null_read(file: File, to: usize, count: i32, position: usize): i32 {
  return 0;
}

function null_write(file: File, from: usize, count: i32, position: usize): i32 {
  return count;
}

export function init_module(): i32 {
  fops.read = operation(null_read);
  fops.write = operation(null_write);
  const status = register_chrdev(0, cstr('null'), fops);
  if (status < 0) return status;
  major = status;
  return 0;
}

export function cleanup_module(): void {
  unregister_chrdev(major, cstr('null'));
}
