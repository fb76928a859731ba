// /dev/kmsg: the log as Linux gives it to programs, a record each read (`level,sequence,microseconds,-;text`), the oldest first.
// The log's ring has the bytes that were printed. A record here is one line of printable ASCII; all other bytes and the backslash
// are escaped, as `\x1b`. A write becomes a line of the log, with an optional level in front, as `<4>text`.

import { LOG_BASE, MACHINE_BASE } from '../../abi/map';
import { M_LOG_NEXT } from '../../abi/machine';
import {
  LEVEL_INFO,
  LOG_LENGTH,
  LOG_LEVEL,
  LOG_MICROSECONDS,
  LOG_RECORD_SIZE,
  LOG_RECORDS,
  LOG_SECONDS,
  LOG_SEQUENCE,
  LOG_TEXT,
  LOG_TEXT_MAX,
} from '../../abi/log';
import {
  FOPS_LLSEEK,
  FOPS_OPEN,
  FOPS_READ,
  FOPS_SIZE,
  FOPS_WRITE,
  FILE_PRIVATE,
  MINOR_BITS,
} from '../../abi/file';
import { SEEK_END, SEEK_SET } from '../../abi/operation';
import { EFAULT, EINVAL, EPIPE } from '../../abi/errno';
import { cstr } from '../../lib/cstr';
import { snprintf, vsnprintf } from '../../lib/format';
import { index_of } from '../../lib/function';
import { log_write } from '../../lib/log';
import { devfs_add } from '../devfs';
import { node_set } from '../nodes';
import { from_user, to_user } from '../usercopy';

/** Linux's number of it: mem 1, minor 11. */
const RDEV: u32 = (1 << MINOR_BITS) | 11;
/** Bytes before the text. */
const HEAD_MAX = 48;
/** Each byte of the text may take four. */
const RECORD_MAX = HEAD_MAX + LOG_TEXT_MAX * 4 + 1;

const fops = memory.data(FOPS_SIZE);
const record_text = memory.data(RECORD_MAX);
const words = memory.data(16);

export function kmsg_init(): void {
  store<u32>(fops, index_of(open), FOPS_OPEN);
  store<u32>(fops, index_of(read), FOPS_READ);
  store<u32>(fops, index_of(write), FOPS_WRITE);
  store<u32>(fops, index_of(lseek), FOPS_LLSEEK);
  node_set(<usize>devfs_add(cstr('kmsg'), 0o644, RDEV), fops);
}

/** Sequence of the oldest record in the ring. */
function oldest(): u32 {
  const next = load<u32>(MACHINE_BASE, M_LOG_NEXT);
  return next > <u32>LOG_RECORDS ? next - LOG_RECORDS + 1 : 1;
}

// FILE_PRIVATE is the sequence of the next record.

function open(file: usize): i32 {
  store<u32>(file, oldest(), FILE_PRIVATE);
  return 0;
}

/** Writes a byte, escaped where needed. @returns how many bytes that takes */
function escaped(to: usize, byte: u32): i32 {
  store<u8>(to, <u8>byte);
  if (byte >= 0x20 && byte < 0x7f && byte != 0x5c) return 1;
  return snprintf(to, 5, cstr('\\x%02x'), byte);
}

/** @returns the record's bytes, 0 at the end, -EINVAL where it does not fit, -EPIPE where records were overwritten meanwhile */
function read(file: usize, to: usize, size: i32, _position: usize): i32 {
  const sequence = load<u32>(file, FILE_PRIVATE);
  if (sequence > load<u32>(MACHINE_BASE, M_LOG_NEXT)) return 0;
  if (sequence < oldest()) {
    store<u32>(file, oldest(), FILE_PRIVATE);
    return -EPIPE;
  }
  const record = LOG_BASE + ((sequence - 1) % LOG_RECORDS) * LOG_RECORD_SIZE;
  store<u32>(words, load<u8>(record, LOG_LEVEL) & 7);
  store<u32>(words, load<u32>(record, LOG_SEQUENCE), 4);
  store<u64>(words, <u64>load<u32>(record, LOG_SECONDS) * 1000000 + load<u32>(record, LOG_MICROSECONDS), 8);
  let length = vsnprintf(record_text, HEAD_MAX, cstr('%u,%u,%llu,-;'), words);
  const letters = min<i32>(load<u8>(record, LOG_LENGTH), LOG_TEXT_MAX);
  for (let i = 0; i < letters; i++) length += escaped(record_text + length, load<u8>(record + LOG_TEXT + i));
  store<u8>(record_text + length++, 0x0a);
  if (length > size) return -EINVAL;
  if (to_user(to, record_text, length)) return -EFAULT;
  store<u32>(file, sequence + 1, FILE_PRIVATE);
  return length;
}

function write(_file: usize, from: usize, size: i32, _position: usize): i32 {
  if (size > LOG_TEXT_MAX) return -EINVAL;
  if (from_user(record_text, from, size)) return -EFAULT;
  let level = LEVEL_INFO;
  let text = record_text;
  let length = size;
  if (length >= 3 && load<u8>(text) == 0x3c && load<u8>(text, 1) - 0x30 < 8 && load<u8>(text, 2) == 0x3e) {
    level = load<u8>(text, 1) - 0x30;
    text += 3;
    length -= 3;
  }
  if (length && load<u8>(text + length - 1) == 0x0a) length--;
  log_write(level, text, length);
  return size;
}

/** Seeks to the oldest record, or after the newest. */
function lseek(file: usize, offset: i64, whence: i32): i64 {
  if (offset || (whence != SEEK_SET && whence != SEEK_END)) return -EINVAL;
  store<u32>(file, whence == SEEK_SET ? oldest() : load<u32>(MACHINE_BASE, M_LOG_NEXT) + 1, FILE_PRIVATE);
  return 0;
}
