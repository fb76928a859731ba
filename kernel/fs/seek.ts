// Linux's llseek for drivers whose device has a size.

import { EXPORT_SYMBOL } from '../lib/export';
import { FILE_POSITION } from '../abi/file';
import { SEEK_CUR, SEEK_END, SEEK_SET } from '../abi/operation';
import { EINVAL } from '../abi/errno';

/** llseek on a device of `size` bytes. @returns the new position, or -EINVAL */
export function fixed_size_llseek(file: usize, offset: i64, whence: i32, size: i64): i64 {
  if (whence == SEEK_CUR) offset += load<i64>(file, FILE_POSITION);
  else if (whence == SEEK_END) offset += size;
  else if (whence != SEEK_SET) return -EINVAL;
  if (offset < 0 || offset > size) return -EINVAL;
  store<i64>(file, offset, FILE_POSITION);
  return offset;
}
EXPORT_SYMBOL(fixed_size_llseek);
