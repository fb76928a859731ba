// Files in /proc. What makes their text runs where the driver lives. An entry is an opaque word, 0 where it could not be
// made (the name is taken, its directory is not there); entries that a driver leaves behind are taken away at rmmod.

import { File, FileOperations } from './fs';
import { SeqOperations } from './seq';

/**
 * A file with operations of its own.
 * @param name below `parent`; may name directories that exist (`driver/rtc`)
 * @param mode permissions, 0 for 0444
 * @param parent a directory of proc_mkdir, 0 for /proc
 */
@external("env", "proc_create")
export declare function proc_create(name: usize, mode: u32, parent: usize, fops: FileOperations): usize;

/** The same with a word that `pde_data` gives back to the operations. */
@external("env", "proc_create_data")
export declare function proc_create_data(
  name: usize,
  mode: u32,
  parent: usize,
  fops: FileOperations,
  data: usize,
): usize;


@external("env", "pde_data")
export declare function pde_data(file: File): usize;

/** A file that one function shows. @param show `operation(fn)` of (m: SeqFile, v: usize) => i32 */
@external("env", "proc_create_single")
export declare function proc_create_single(name: usize, mode: u32, parent: usize, show: u32): usize;

/** A file of many records. */
@external("env", "proc_create_seq")
export declare function proc_create_seq(
  name: usize,
  mode: u32,
  parent: usize,
  operations: SeqOperations,
): usize;


@external("env", "proc_mkdir")
export declare function proc_mkdir(name: usize, parent: usize): usize;

/** Takes an entry away, a directory with all that is in it; 0 is allowed. */
@external("env", "proc_remove")
export declare function proc_remove(entry: usize): void;


@external("env", "remove_proc_entry")
export declare function remove_proc_entry(name: usize, parent: usize): void;
