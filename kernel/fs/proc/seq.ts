// seq_file: files whose text is made record by record while it is read (Linux's fs/seq_file.c). A record is made completely in a
// buffer, which grows until the record fits. Reads take pieces from the buffer.
//
// Part of both images: a driver's show function runs in the driver's domain, and so does this code for it.

import { EXPORT_SYMBOL } from '../../lib/export';
import { PAGE_SIZE } from '../../abi/map';
import { FILE_POSITION, FILE_PRIVATE } from '../../abi/file';
import {
  SEQ_BUFFER,
  SEQ_COUNT,
  SEQ_FROM,
  SEQ_INDEX,
  SEQ_NEXT,
  SEQ_OPERATIONS,
  SEQ_OPERATIONS_SIZE,
  SEQ_POSITION,
  SEQ_PRIVATE,
  SEQ_SHOW,
  SEQ_SIZE,
  SEQ_START,
  SEQ_STOP,
  SEQ_STRUCT_SIZE,
} from '../../abi/seq';
import { SEEK_CUR, SEEK_SET } from '../../abi/operation';
import { EFAULT, EINVAL, ENOMEM, EOVERFLOW, MAX_ERRNO } from '../../abi/errno';
import { KMALLOC_MAX } from '../../abi/heap';
import { kfree, kmalloc_for } from '../../mm/kmalloc';
import { cstr } from '../../lib/cstr';
import { vsnprintf } from '../../lib/format';
import { index_of } from '../../lib/function';
import { printable } from '../../lib/name';
import { strlen } from '../../lib/text';
import { to_user } from '../usercopy';

// @ts-ignore: decorator
@inline
function is_error(value: usize): bool {
  return <u32>value >= <u32>-MAX_ERRNO;
}

// @ts-ignore: decorator
@inline
function operation(m: usize, which: usize): u32 {
  return load<u32>(<usize>load<u32>(m, SEQ_OPERATIONS) + which);
}

/** Opens a file whose text is made by start, next, stop and show. @returns 0 or -ENOMEM */
export function seq_open(file: usize, operations: usize): i32 {
  const m = kmalloc_for(0, SEQ_STRUCT_SIZE);
  if (!m) return -ENOMEM;
  memory.fill(m, 0, SEQ_STRUCT_SIZE);
  store<u32>(m, <u32>operations, SEQ_OPERATIONS);
  store<u32>(file, <u32>m, FILE_PRIVATE);
  return 0;
}
EXPORT_SYMBOL(seq_open);

export function seq_release(file: usize): i32 {
  const m = <usize>load<u32>(file, FILE_PRIVATE);
  kfree(<usize>load<u32>(m, SEQ_BUFFER));
  kfree(m);
  return 0;
}
EXPORT_SYMBOL(seq_release);

function single_start(_m: usize, position: usize): usize {
  return load<i64>(position) == 0 ? 1 : 0;
}

function single_next(_m: usize, _v: usize, position: usize): usize {
  store<i64>(position, load<i64>(position) + 1);
  return 0;
}

function single_stop(_m: usize, _v: usize): void {}

/** Opens a file that is one record. @param show table index of (m, v) -> i32 */
export function single_open(file: usize, show: u32, data: usize): i32 {
  const operations = kmalloc_for(0, SEQ_OPERATIONS_SIZE);
  if (!operations) return -ENOMEM;
  store<u32>(operations, index_of(single_start), SEQ_START);
  store<u32>(operations, index_of(single_stop), SEQ_STOP);
  store<u32>(operations, index_of(single_next), SEQ_NEXT);
  store<u32>(operations, show, SEQ_SHOW);
  const status = seq_open(file, operations);
  if (status < 0) kfree(operations);
  else store<u32>(<usize>load<u32>(file, FILE_PRIVATE), <u32>data, SEQ_PRIVATE);
  return status;
}
EXPORT_SYMBOL(single_open);

export function single_release(file: usize): i32 {
  const operations = <usize>load<u32>(<usize>load<u32>(file, FILE_PRIVATE), SEQ_OPERATIONS);
  seq_release(file);
  kfree(operations);
  return 0;
}
EXPORT_SYMBOL(single_release);

/** single_open whose data was allocated by kmalloc and is freed with the file. */
export function single_open_private(file: usize, show: u32, own: usize): i32 {
  const status = single_open(file, show, own);
  if (status < 0) kfree(own);
  return status;
}

/** The release of single_open_private. */
export function single_release_private(file: usize): i32 {
  const own = <usize>load<u32>(<usize>load<u32>(file, FILE_PRIVATE), SEQ_PRIVATE);
  single_release(file);
  kfree(own);
  return 0;
}

// @ts-ignore: decorator
@inline
function overflowed(m: usize): bool {
  return load<u32>(m, SEQ_COUNT) == load<u32>(m, SEQ_SIZE);
}

function set_buffer(m: usize, size: u32): bool {
  kfree(<usize>load<u32>(m, SEQ_BUFFER));
  const buffer = size > <u32>KMALLOC_MAX ? 0 : kmalloc_for(0, size);
  store<u32>(m, <u32>buffer, SEQ_BUFFER);
  store<u32>(m, buffer ? size : 0, SEQ_SIZE);
  store<u32>(m, 0, SEQ_COUNT);
  return buffer != 0;
}

/** Appends one record to the buffer. @returns as show; where that is not 0 the buffer is unchanged */
function show(m: usize, v: usize): i32 {
  const before = load<u32>(m, SEQ_COUNT);
  const status = call_indirect<i32>(operation(m, SEQ_SHOW), m, v);
  if (status) store<u32>(m, before, SEQ_COUNT);
  return status;
}

function start(m: usize): usize {
  store<u32>(m, 0, SEQ_FROM);
  return call_indirect<usize>(operation(m, SEQ_START), m, m + SEQ_INDEX);
}

/** Calls next. Where it does not change the position that is increased, as in Linux, so that a read ends. */
function next(m: usize, v: usize): usize {
  const before = load<i64>(m, SEQ_INDEX);
  v = call_indirect<usize>(operation(m, SEQ_NEXT), m, v, m + SEQ_INDEX);
  if (load<i64>(m, SEQ_INDEX) == before) store<i64>(m, before + 1, SEQ_INDEX);
  return v;
}

function stop(m: usize, v: usize): void {
  call_indirect<void>(operation(m, SEQ_STOP), m, v);
}

/** Makes the text again up to a position, as after lseek. @returns 0 or a negative errno */
function traverse(m: usize, offset: i64): i32 {
  store<i64>(m, 0, SEQ_INDEX);
  store<u32>(m, 0, SEQ_COUNT);
  store<u32>(m, 0, SEQ_FROM);
  if (!offset) return 0;
  if (!load<u32>(m, SEQ_BUFFER) && !set_buffer(m, PAGE_SIZE)) return -ENOMEM;
  let position: i64 = 0;
  let status = 0;
  let v = start(m);
  while (v) {
    status = is_error(v) ? <i32>v : show(m, v);
    if (status < 0) break;
    status = 0;
    if (overflowed(m)) {
      stop(m, v);
      if (!set_buffer(m, load<u32>(m, SEQ_SIZE) << 1)) return -ENOMEM;
      v = start(m);
      continue;
    }
    const count = load<u32>(m, SEQ_COUNT);
    if (position + count > offset) {
      store<u32>(m, <u32>(offset - position), SEQ_FROM);
      store<u32>(m, count - <u32>(offset - position), SEQ_COUNT);
      v = next(m, v);
      break;
    }
    position += count;
    store<u32>(m, 0, SEQ_COUNT);
    v = next(m, v);
    if (position == offset) break;
  }
  stop(m, v);
  return status;
}

/** Copies the rest of the buffer to the caller. @returns how many bytes, or -EFAULT */
function give(m: usize, to: usize, count: i32): i32 {
  const from = load<u32>(m, SEQ_FROM);
  const there = load<u32>(m, SEQ_COUNT);
  const size = min<u32>(there, count);
  if (to_user(to, <usize>load<u32>(m, SEQ_BUFFER) + from, size)) return -EFAULT;
  store<u32>(m, from + size, SEQ_FROM);
  store<u32>(m, there - size, SEQ_COUNT);
  return size;
}

/** The read of every seq_file. */
export function seq_read(file: usize, to: usize, count: i32, position: usize): i32 {
  const m = <usize>load<u32>(file, FILE_PRIVATE);
  if (!count) return 0;
  let copied = 0;
  let status = 0;
  if (!load<i64>(position)) {
    store<i64>(m, 0, SEQ_INDEX);
    store<u32>(m, 0, SEQ_COUNT);
    store<i64>(m, 0, SEQ_POSITION);
  } else if (load<i64>(position) != load<i64>(m, SEQ_POSITION)) {
    status = traverse(m, load<i64>(position));
    if (status) {
      store<i64>(m, 0, SEQ_POSITION);
      store<i64>(m, 0, SEQ_INDEX);
      store<u32>(m, 0, SEQ_COUNT);
      return status;
    }
    store<i64>(m, load<i64>(position), SEQ_POSITION);
  }
  if (!load<u32>(m, SEQ_BUFFER) && !set_buffer(m, PAGE_SIZE)) return -ENOMEM;
  if (load<u32>(m, SEQ_COUNT)) {
    copied = give(m, to, count);
    if (copied < 0) return copied;
    if (load<u32>(m, SEQ_COUNT)) return advance(m, position, copied);
  }
  if (copied < count) {
    status = produce(m, count - copied);
    if (load<u32>(m, SEQ_COUNT)) {
      const given = give(m, to + copied, count - copied);
      if (given < 0) status = given;
      else copied += given;
    }
  }
  return copied ? advance(m, position, copied) : status;
}
EXPORT_SYMBOL(seq_read);

function advance(m: usize, position: usize, copied: i32): i32 {
  store<i64>(position, load<i64>(position) + copied);
  store<i64>(m, load<i64>(m, SEQ_POSITION) + copied, SEQ_POSITION);
  return copied;
}

/** Fills the empty buffer with one record, and with as many more as fit and are wanted. @returns 0 or a negative errno */
function produce(m: usize, wanted: i32): i32 {
  let status = 0;
  store<u32>(m, 0, SEQ_FROM);
  let v = start(m);
  for (;;) {
    if (!v || is_error(v)) {
      status = <i32>v;
      break;
    }
    status = show(m, v);
    if (status < 0) break;
    status = 0;
    if (!load<u32>(m, SEQ_COUNT)) {
      v = next(m, v);
      continue;
    }
    if (!overflowed(m)) break;
    // The first record does not fit: repeat with a larger buffer.
    stop(m, v);
    if (!set_buffer(m, load<u32>(m, SEQ_SIZE) << 1)) return -ENOMEM;
    v = start(m);
  }
  if (!load<u32>(m, SEQ_COUNT)) {
    stop(m, v);
    return status;
  }
  for (;;) {
    const count = load<u32>(m, SEQ_COUNT);
    v = next(m, v);
    if (!v || is_error(v) || count >= <u32>wanted) break;
    const shown = show(m, v);
    if (shown > 0) continue;
    if (shown < 0 || overflowed(m)) {
      store<u32>(m, count, SEQ_COUNT); // it comes with the next read
      break;
    }
  }
  stop(m, v);
  return 0;
}

/** The llseek of every seq_file: from the beginning or from here; the text's end is not known. */
export function seq_lseek(file: usize, offset: i64, whence: i32): i64 {
  if (whence == SEEK_CUR) offset += load<i64>(file, FILE_POSITION);
  else if (whence != SEEK_SET) return -EINVAL;
  if (offset < 0) return -EINVAL;
  if (offset > i32.MAX_VALUE) return -EOVERFLOW;
  store<i64>(file, offset, FILE_POSITION); // the next read makes the text again up to there
  return offset;
}
EXPORT_SYMBOL(seq_lseek);

/** Appends a formatted text; `args` points to the arguments, a word each. */
export function seq_printf(m: usize, format: usize, args: usize): void {
  const count = load<u32>(m, SEQ_COUNT);
  const room = load<u32>(m, SEQ_SIZE) - count;
  const length = vsnprintf(<usize>load<u32>(m, SEQ_BUFFER) + count, room, format, args);
  store<u32>(m, <u32>length < room ? count + length : count + room, SEQ_COUNT);
}
EXPORT_SYMBOL(seq_printf);

/** Appends bytes. */
export function seq_write(m: usize, from: usize, length: i32): i32 {
  const count = load<u32>(m, SEQ_COUNT);
  const room = load<u32>(m, SEQ_SIZE) - count;
  if (<u32>length >= room) {
    store<u32>(m, count + room, SEQ_COUNT);
    return -1;
  }
  if (length) memory.copy(<usize>load<u32>(m, SEQ_BUFFER) + count, from, length);
  store<u32>(m, count + length, SEQ_COUNT);
  return 0;
}
EXPORT_SYMBOL(seq_write);

export function seq_puts(m: usize, text: usize): void {
  seq_write(m, text, strlen(text));
}
EXPORT_SYMBOL(seq_puts);

const letter = memory.data(4);

export function seq_putc(m: usize, c: i32): void {
  store<u8>(letter, <u8>c);
  seq_write(m, letter, 1);
}
EXPORT_SYMBOL(seq_putc);

const words = memory.data(32);

/** Appends a text of a driver or a file; bytes that are not printable are escaped, as `\x1b`. */
export function seq_text(m: usize, text: usize): void {
  for (;;) {
    let end = text;
    for (let size = printable(end); size; size = printable(end)) end += size;
    seq_write(m, text, <i32>(end - text));
    if (!load<u8>(end)) return;
    seq(m, cstr('\\x%02x'), load<u8>(end));
    text = end + 1;
  }
}

/** seq_printf for the kernel's own code: up to six words as arguments. */
export function seq(
  m: usize,
  format: usize,
  a: usize = 0,
  b: usize = 0,
  c: usize = 0,
  d: usize = 0,
  e: usize = 0,
  f: usize = 0,
): void {
  store<u32>(words, <u32>a);
  store<u32>(words, <u32>b, 4);
  store<u32>(words, <u32>c, 8);
  store<u32>(words, <u32>d, 12);
  store<u32>(words, <u32>e, 16);
  store<u32>(words, <u32>f, 20);
  seq_printf(m, format, words);
}
