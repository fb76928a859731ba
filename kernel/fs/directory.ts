// Directories as open files. They cannot be read, only listed (SYS_GETDENTS, entries as in abi/file.ts). A file's position is the
// number of the next entry.

import {
  DIRENT_LENGTH,
  DIRENT_NAME,
  DIRENT_NAME_LENGTH,
  DIRENT_TYPE,
  FILE_POSITION,
  FOPS_LLSEEK,
  FOPS_READ,
  FOPS_SIZE,
} from '../abi/file';
import { EINVAL, EISDIR } from '../abi/errno';
import { SEEK_SET } from '../abi/operation';
import { index_of } from '../lib/function';
import { strlen } from '../lib/text';

const fops = memory.data(FOPS_SIZE);

function directory_read(_file: usize, _to: usize, _count: i32, _position: usize): i32 {
  return -EISDIR;
}

export function directory_lseek(file: usize, offset: i64, whence: i32): i64 {
  if (whence != SEEK_SET || offset < 0) return -EINVAL;
  store<i64>(file, offset, FILE_POSITION);
  return offset;
}

/** The operations of every directory. */
export function directory_fops(): usize {
  store<u32>(fops, index_of(directory_read), FOPS_READ);
  store<u32>(fops, index_of(directory_lseek), FOPS_LLSEEK);
  return fops;
}

let at: usize = 0;
let end: usize = 0;
let full: bool = false;

/** Begins a list in the caller's buffer, which has been checked. */
export function list_begin(buffer: usize, size: i32): void {
  at = buffer;
  end = buffer + size;
  full = false;
}

/** @returns whether there was room for the entry */
export function list_add(type: u32, name: usize): bool {
  const length = strlen(name);
  const size = (DIRENT_NAME + length + 4) & ~3;
  if (at + size > end) {
    full = true;
    return false;
  }
  memory.fill(at, 0, size);
  store<u16>(at, <u16>size, DIRENT_LENGTH);
  store<u8>(at, <u8>type, DIRENT_TYPE);
  store<u8>(at, <u8>length, DIRENT_NAME_LENGTH);
  memory.copy(at + DIRENT_NAME, name, length);
  at += size;
  return true;
}

/** Whether an entry was left out. */
export function list_full(): bool {
  return full;
}

/** The address where the list ends. */
export function list_end(): usize {
  return at;
}
