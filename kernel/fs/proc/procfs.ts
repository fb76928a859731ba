// /proc in the kernel's domain, which has the nodes of procfs: those of the kernel itself, of modules in this domain, and of modules
// in other domains, which make them by a call.

import { MACHINE_BASE } from '../../abi/map';
import { M_CALL_MODULE } from '../../abi/machine';
import { DT_DIR, DT_REG, NODE_OWNER, NODE_PARENT, NODE_TYPE, S_IFDIR } from '../../abi/file';
import { EEXIST, EINVAL, ENOENT } from '../../abi/errno';
import { LEVEL_WARNING } from '../../abi/log';
import { MOD_NAME } from '../../abi/module';
import { cstr } from '../../lib/cstr';
import { index_of } from '../../lib/function';
import { pr } from '../../lib/printk';
import { warn } from '../../lib/warn';
import { directory_fops } from '../directory';
import { last_name, node_add, node_by_number, node_number, node_remove, node_set, node_walk } from '../nodes';
import { proc_init } from './proc';

let root: usize = 0;

/** @param top the root of the tree */
export function procfs_init(top: usize): void {
  root = node_set(<usize>node_add(top, cstr('proc'), DT_DIR, 0o555, 0, 0), directory_fops());
  proc_init(root, index_of(make), index_of(node_remove));
  make(0, cstr('driver'), 0o555, DT_DIR);
}

function enter(parent: usize, path: usize, mode: u32, type: u32, owner: u32, mod: usize): i32 {
  const directory = node_walk(parent ? parent : root, path);
  if (directory == -1) return -ENOENT;
  const node = node_add(<usize>directory, last_name(), type, mode, owner, mod);
  if (node == -EEXIST) registered(mod, owner);
  if (node > 0 && type == DT_DIR) node_set(<usize>node, directory_fops());
  return node;
}

/** An entry exists already. In this domain that is a WARN, as in Linux; for another domain it is only logged, without a taint. */
function registered(mod: usize, owner: u32): void {
  if (!owner) return warn(cstr("proc_dir_entry '%s' already registered"), last_name());
  pr(LEVEL_WARNING, cstr("%s: proc_dir_entry '%s' already registered"), mod + MOD_NAME, last_name());
}

function make(parent: usize, path: usize, mode: u32, type: u32): i32 {
  return enter(parent, path, mode, type, 0, <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE));
}

function below_proc(node: usize): bool {
  while (node && node != root) node = <usize>load<u32>(node, NODE_PARENT);
  return node == root;
}

/**
 * A module in another domain makes an entry.
 * @param parent number of a directory's node, 0 for /proc
 * @param mode permissions, with S_IFDIR for a directory
 * @returns the node's number, or -EINVAL, -ENOENT, -EEXIST, -ENOSPC, -ENAMETOOLONG
 */
export function proc_create_for(endpoint: u32, mod: usize, parent: u32, mode: u32, path: usize): i32 {
  const directory = parent ? node_by_number(parent) : root;
  if (!directory || load<u32>(directory, NODE_TYPE) != DT_DIR || !below_proc(directory)) return -EINVAL;
  const node = enter(directory, path, mode, mode & S_IFDIR ? DT_DIR : DT_REG, endpoint, mod);
  return node < 0 ? node : <i32>node_number(<usize>node);
}

/** A module in another domain removes one of its entries. @returns 0 or -ENOENT */
export function proc_remove_for(endpoint: u32, number: u32): i32 {
  const node = node_by_number(number);
  if (!node || load<u32>(node, NODE_OWNER) != endpoint) return -ENOENT;
  node_remove(node);
  return 0;
}
