// seq_file: text that a driver gives record by record. A record is shown by a function (m: SeqFile, v: usize) => i32, which writes
// with seq_printf and its kin and returns 0; how much of it a reader takes at a time is not the driver's affair.

import { File } from './fs';

/** An open file of this kind; all but `private_data` is the kernel's. */
@unmanaged
export class SeqFile {
  buffer: usize;
  size: u32;
  from: u32;
  count: u32;
  index: i64;
  position: i64;
  operations: usize;
  /** What single_open was given as `data`. */
  private_data: usize;
}

/** How a file of many records is gone through: table indices (`operation(fn)`). */
@unmanaged
export class SeqOperations {
  /** (m: SeqFile, position: usize) => usize: the record at the i64 there, 0 where there is none, or a negative errno */
  start: u32;
  /** (m: SeqFile, v: usize) => void */
  stop: u32;
  /** (m: SeqFile, v: usize, position: usize) => usize: moves the position on by one; as start */
  next: u32;
  /** (m: SeqFile, v: usize) => i32 */
  show: u32;
}

/** What show returns for a record that is to leave no trace. */
export const SEQ_SKIP = 1;

/** A table of operations in 16 bytes of static memory. */
// @ts-ignore: decorator
@inline
export function seq_operations_at(place: usize): SeqOperations {
  return changetype<SeqOperations>(place);
}

/** For `open` of a device or proc file: reads are made by these operations. @returns 0 or -ENOMEM */
@external("env", "seq_open")
export declare function seq_open(file: File, operations: SeqOperations): i32;


@external("env", "seq_release")
export declare function seq_release(file: File): i32;

/** The same for a text of one record. @param show its table index */
@external("env", "single_open")
export declare function single_open(file: File, show: u32, data: usize): i32;


@external("env", "single_release")
export declare function single_release(file: File): i32;

/** The `read` of such a file. */
@external("env", "seq_read")
export declare function seq_read(file: File, to: usize, count: i32, position: usize): i32;

/** The `llseek` of such a file. */
@external("env", "seq_lseek")
export declare function seq_lseek(file: File, offset: i64, whence: i32): i64;

/** Appends a formatted text. `args` points to the arguments, a word each. */
@external("env", "seq_printf")
export declare function seq_printf(m: SeqFile, format: usize, args: usize): void;

/** Appends bytes. @returns 0, or -1 where the buffer was too small; it is made again with a larger one then */
@external("env", "seq_write")
export declare function seq_write(m: SeqFile, from: usize, length: i32): i32;


@external("env", "seq_puts")
export declare function seq_puts(m: SeqFile, text: usize): void;


@external("env", "seq_putc")
export declare function seq_putc(m: SeqFile, letter: i32): void;

const words = memory.data(32);

/** seq_printf with up to six words as arguments. */
export function seq(
  m: SeqFile,
  format: usize,
  a: usize = 0,
  b: usize = 0,
  c: usize = 0,
  d: usize = 0,
  e: usize = 0,
  f: usize = 0,
): void {
  store<u32>(words, a);
  store<u32>(words, b, 4);
  store<u32>(words, c, 8);
  store<u32>(words, d, 12);
  store<u32>(words, e, 16);
  store<u32>(words, f, 20);
  seq_printf(m, format, words);
}
