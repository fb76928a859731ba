// The interface of procfs for drivers and the kernel's own files: proc_create and the like. A driver's file is registered as its
// devices are: a node in the kernel's tree with the endpoint of its operations, and a node in the driver's domain. Open, read and
// close are ordinary requests.
//
// Part of both images. Each image sets the functions that make nodes: ./procfs.ts in the kernel's, ../../ipc/domain/proc-gates.ts in
// a driver's domain.

import { EXPORT_SYMBOL } from '../../lib/export';
import {
  DT_DIR,
  DT_REG,
  FILE_DEVICE,
  FOPS_LLSEEK,
  FOPS_OPEN,
  FOPS_READ,
  FOPS_RELEASE,
  FOPS_SIZE,
  NODE_DATA,
  NODE_TYPE,
} from '../../abi/file';
import { index_of } from '../../lib/function';
import { last_name, node_find, node_set, node_walk } from '../nodes';
import { seq_lseek, seq_open, seq_read, seq_release, single_open, single_release } from './seq';

const single_fops = memory.data(FOPS_SIZE);
const seq_fops = memory.data(FOPS_SIZE);
let make: u32 = 0;
let unmake: u32 = 0;
let top: usize = 0;

/**
 * @param root the node of /proc, 0 where this domain has none
 * @param maker table index of (parent, path, mode, type) -> node or a negative errno
 * @param remover table index of (node)
 */
export function proc_init(root: usize, maker: u32, remover: u32): void {
  top = root;
  make = maker;
  unmake = remover;
  store<u32>(single_fops, index_of(proc_single_open), FOPS_OPEN);
  store<u32>(single_fops, index_of(single_release), FOPS_RELEASE);
  store<u32>(seq_fops, index_of(proc_seq_open), FOPS_OPEN);
  store<u32>(seq_fops, index_of(seq_release), FOPS_RELEASE);
  for (let fops = single_fops; fops; fops = fops == single_fops ? seq_fops : 0) {
    store<u32>(fops, index_of(seq_read), FOPS_READ);
    store<u32>(fops, index_of(seq_lseek), FOPS_LLSEEK);
  }
}

// @ts-ignore: decorator
@inline
function data_of(file: usize): u32 {
  return load<u32>(<usize>load<u32>(file, FILE_DEVICE), NODE_DATA);
}

function proc_single_open(file: usize): i32 {
  return single_open(file, data_of(file), 0);
}

function proc_seq_open(file: usize): i32 {
  return seq_open(file, data_of(file));
}

function create(name: usize, mode: u32, parent: usize, fops: usize, data: u32): usize {
  const node = call_indirect<i32>(make, parent, name, mode & 0o777 ? mode : mode | 0o444, DT_REG);
  if (node < 0) return 0;
  store<u32>(<usize>node, data, NODE_DATA);
  return node_set(<usize>node, fops);
}

/**
 * A file of /proc with operations of its own.
 * @param name below `parent`, which is a directory of proc_mkdir, or 0 for /proc; may name directories that exist
 * @param mode permissions, 0 for 0444
 * @param fops struct file_operations, which must stay where it is
 * @returns the entry, or 0
 */
export function proc_create(name: usize, mode: u32, parent: usize, fops: usize): usize {
  return fops ? create(name, mode, parent, fops, 0) : 0;
}
EXPORT_SYMBOL(proc_create);

/** proc_create with data for the operations: pde_data. */
export function proc_create_data(name: usize, mode: u32, parent: usize, fops: usize, data: usize): usize {
  return fops ? create(name, mode, parent, fops, <u32>data) : 0;
}
EXPORT_SYMBOL(proc_create_data);

/** The data that proc_create_data was given for the entry that a file is open on. */
export function pde_data(file: usize): usize {
  return <usize>data_of(file);
}
EXPORT_SYMBOL(pde_data);

/** A file that is one record. @param show table index of (m, v) -> i32 */
export function proc_create_single(name: usize, mode: u32, parent: usize, show: u32): usize {
  return create(name, mode, parent, single_fops, show);
}
EXPORT_SYMBOL(proc_create_single);

/** A file of many records. @param operations struct seq_operations, which must stay where it is */
export function proc_create_seq(name: usize, mode: u32, parent: usize, operations: usize): usize {
  return create(name, mode, parent, seq_fops, <u32>operations);
}
EXPORT_SYMBOL(proc_create_seq);

export function proc_mkdir(name: usize, parent: usize): usize {
  const node = call_indirect<i32>(make, parent, name, 0o555, DT_DIR);
  return node < 0 ? 0 : <usize>node;
}
EXPORT_SYMBOL(proc_mkdir);

/** Removes an entry and all below it; 0 is allowed. */
export function proc_remove(entry: usize): void {
  if (entry && load<u32>(entry, NODE_TYPE)) call_indirect<void>(unmake, entry);
}
EXPORT_SYMBOL(proc_remove);

/** The same by name. */
export function remove_proc_entry(name: usize, parent: usize): void {
  if (!parent) parent = top;
  const directory = node_walk(parent, name);
  // In a driver's domain an entry in another module's directory has its whole path as its name.
  proc_remove(directory == -1 ? node_find(parent, name) : node_find(<usize>directory, last_name()));
}
EXPORT_SYMBOL(remove_proc_entry);
