// Looks up paths in the tree of nodes. Below a directory without stored nodes (/sys/module) sysfs goes on. The result is in
// ./found.ts until the next look-up.

import {
  DEV_FOPS,
  DEV_NAME,
  DT_CHR,
  DT_DIR,
  NODE_DATA,
  NODE_MODE,
  NODE_PARENT,
  NODE_RDEV,
  NODE_TYPE,
} from '../abi/file';
import { MAX_NODES, NAME_SIZE } from '../abi/limits';
import { ENAMETOOLONG, ENOENT, ENOTDIR } from '../abi/errno';
import { cstr } from '../lib/cstr';
import { same_text, strscpy } from '../lib/text';
import { directory_fops, list_add, list_begin } from './directory';
import { found_name, set_found, set_found_parent } from './found';
import { node_add, node_at, node_find, node_number, node_set } from './nodes';
import { sysfs_list, sysfs_lookup } from './sys/sysfs';

let root: usize = 0;

/** @returns the root of the tree */
export function path_init(): usize {
  root = node_set(<usize>node_add(0, cstr(''), DT_DIR, 0o755, 0, 0), directory_fops());
  return root;
}

function found_node(node: usize): void {
  set_found(
    node,
    load<u32>(node, NODE_TYPE),
    load<u32>(node, NODE_MODE),
    load<u32>(node, NODE_RDEV),
    node_number(node),
  );
}

/**
 * Looks up a path from the root; handles `.`, `..` and slashes in a row.
 * @returns 0, or -ENOENT, -ENOTDIR, -ENAMETOOLONG; where only the last name does not exist, `found_parent` is its directory
 */
export function path_lookup(path: usize): i32 {
  set_found_parent(0);
  if (load<u8>(path) != 0x2f) return -ENOENT;
  let node = root;
  store<u8>(found_name, 0);
  while (true) {
    while (load<u8>(path) == 0x2f) path++;
    if (!load<u8>(path)) {
      found_node(node);
      return 0;
    }
    let length = 0;
    while (load<u8>(path + length) && load<u8>(path + length) != 0x2f) length++;
    if (load<u32>(node, NODE_TYPE) != DT_DIR) return -ENOTDIR;
    if (length >= NAME_SIZE) return -ENAMETOOLONG;
    strscpy(found_name, path, length + 1);
    if (same_text(found_name, cstr('..'))) {
      if (node != root) node = <usize>load<u32>(node, NODE_PARENT);
    } else if (!same_text(found_name, cstr('.'))) {
      const virtual = load<u32>(node, NODE_DATA);
      if (virtual) return sysfs_lookup(virtual, path);
      const child = node_find(node, found_name);
      if (!child) {
        set_found_parent(load<u8>(path + length) ? 0 : node);
        return -ENOENT;
      }
      if (load<u8>(path + length) && load<u32>(child, NODE_TYPE) != DT_DIR) return -ENOTDIR;
      set_found_parent(node);
      node = child;
    }
    path += length;
  }
}

/** Whether the node of a device's name has operations of its own, so that it needs no registered device. */
export function stands_alone(node: usize): bool {
  return load<u32>(node, NODE_TYPE) != DT_CHR || load<u32>(node, DEV_FOPS) != 0;
}

/**
 * Lists a directory's node from its entry `position` on.
 * @returns the number of the next entry; `list_end` returns where the list ends
 */
export function path_list(node: usize, position: i32, buffer: usize, size: i32): i32 {
  list_begin(buffer, size);
  const virtual = load<u32>(node, NODE_DATA);
  if (virtual) return sysfs_list(virtual, position);
  for (; position < MAX_NODES; position++) {
    const child = node_at(position);
    const type = load<u32>(child, NODE_TYPE);
    if (!type || <usize>load<u32>(child, NODE_PARENT) != node || child == node) continue;
    if (!list_add(type, child + DEV_NAME)) break;
  }
  return position;
}
