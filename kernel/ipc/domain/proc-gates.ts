// /proc in a driver's domain: an entry is made in the kernel by a call, and in this domain under the number that the kernel gave it.

import { MACHINE_BASE } from '../../abi/map';
import { M_CALL_MODULE } from '../../abi/machine';
import { CALL_PROC_CREATE, CALL_PROC_REMOVE } from '../../abi/operation';
import { DEV_MAJOR, DT_DIR, NODE_MAJOR, S_IFDIR } from '../../abi/file';
import { last_name, node_add, node_remove, node_seal, node_walk } from '../../fs/nodes';
import { strlen } from '../../lib/text';
import { call } from './gates';

// @ts-ignore: decorator
@inline
function number_of(node: usize): i32 {
  return node ? <i32>load<u32>(node, DEV_MAJOR) - NODE_MAJOR : 0;
}

export function make_proc_entry(parent: usize, path: usize, mode: u32, type: u32): i32 {
  const kind = type == DT_DIR ? S_IFDIR : 0;
  const number = call(CALL_PROC_CREATE, number_of(parent), mode | kind, path, strlen(path));
  if (number < 0) return number;
  // Where the directory is another module's, this domain does not have it: the entry is kept under its whole path.
  let directory = node_walk(parent, path);
  let name = last_name();
  if (directory == -1) {
    directory = 0;
    name = path;
  }
  const node = node_add(<usize>directory, name, type, mode, 0, <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE));
  if (node < 0) {
    call(CALL_PROC_REMOVE, number, 0, 0, 0);
    return node;
  }
  store<u32>(<usize>node, NODE_MAJOR + number, DEV_MAJOR);
  node_seal(<usize>node);
  return node;
}

export function remove_proc_node(node: usize): void {
  call(CALL_PROC_REMOVE, number_of(node), 0, 0, 0);
  node_remove(node);
}
