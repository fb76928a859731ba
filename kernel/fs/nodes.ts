// The tree of names: nodes (abi/file.ts) for directories, devices and the files of procfs. The kernel's domain has all of them; a
// driver's domain has those that its module made.
//
// A freed node keeps its epoch, so a file that is still open on it is stale, as with devices.

import { MACHINE_BASE } from '../abi/map';
import { M_NODES } from '../abi/machine';
import { MAX_DRIVER_NODES, MAX_NODES, NAME_SIZE } from '../abi/limits';
import {
  DEV_CHECKSUM,
  DEV_ENDPOINT,
  DEV_EPOCH,
  DEV_FOPS,
  DEV_MAJOR,
  DEV_MODULE,
  DEV_NAME,
  DT_DIR,
  DT_NONE,
  DT_REG,
  ENDPOINT_NONE,
  NODE_MAJOR,
  NODE_MODE,
  NODE_MODULE,
  NODE_OWNER,
  NODE_PARENT,
  NODE_SIZE,
  NODE_TYPE,
} from '../abi/file';
import { EEXIST, ENAMETOOLONG, ENOSPC } from '../abi/errno';
import { FNV_OFFSET } from '../abi/log';
import { kmalloc_for } from '../mm/kmalloc';
import { files_release } from './files';
import { owner_hash } from './owner-hash';
import { name_error } from '../lib/name';
import { fnv, same_text, strlen, strscpy } from '../lib/text';

let nodes: usize = 0;
/** The owner hash by node, as that of devices. */
const owner_hashes = memory.data(MAX_NODES * 4);

export function nodes_init(): void {
  nodes = kmalloc_for(0, MAX_NODES * NODE_SIZE);
  memory.fill(nodes, 0, MAX_NODES * NODE_SIZE);
  store<u32>(MACHINE_BASE, <u32>nodes, M_NODES);
}

// @ts-ignore: decorator
@inline
export function node_at(i: i32): usize {
  return nodes + i * NODE_SIZE;
}

/** Whether the record that a file refers to is a node, and not a device. */
export function is_node(record: usize): bool {
  return record >= nodes && record < nodes + MAX_NODES * NODE_SIZE;
}

/** A node's number, from 1. */
export function node_number(node: usize): u32 {
  return <u32>((node - nodes) / NODE_SIZE) + 1;
}

/** @returns the node of that number, or 0 */
export function node_by_number(number: u32): usize {
  const node = number && number <= <u32>MAX_NODES ? node_at(number - 1) : 0;
  return node && load<u32>(node, NODE_TYPE) ? node : 0;
}

/** @returns the node that has this major, which is one of NODE_MAJOR and above; or 0 */
export function node_by_major(major: u32): usize {
  for (let i = 0; i < MAX_NODES; i++) {
    if (load<u32>(node_at(i), NODE_TYPE) && load<u32>(node_at(i), DEV_MAJOR) == major) return node_at(i);
  }
  return 0;
}

export function node_find(parent: usize, name: usize): usize {
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (
      <usize>load<u32>(node, NODE_PARENT) == parent &&
      load<u32>(node, NODE_TYPE) &&
      same_text(node + DEV_NAME, name)
    )
      return node;
  }
  return 0;
}

/** Updates the checksum over the fields of a node that only this file changes. */
export function node_seal(node: usize): void {
  store<u32>(node, fnv(FNV_OFFSET, node, DEV_CHECKSUM), DEV_CHECKSUM);
}

/** How many nodes a module of another domain holds. */
function count_owned(owner: u32): i32 {
  let count = 0;
  for (let i = 0; i < MAX_NODES; i++)
    if (load<u32>(node_at(i), NODE_TYPE) && load<u32>(owner_hashes + ((<usize>i) << 2)) == owner) count++;
  return count;
}

/**
 * Adds a node, or gives one whose module died to its successor.
 *
 * @param owner channel + 1 of the domain that makes it, 0 for this one
 * @param mod the module that makes it
 * @returns the node, or -EEXIST, -ENOSPC, -EINVAL, -ENAMETOOLONG
 */
export function node_add(parent: usize, name: usize, type: u32, mode: u32, owner: u32, mod: usize): i32 {
  // Without a parent it has no name, or in a driver's domain a path that the kernel has checked.
  const wrong = parent ? name_error(name) : 0;
  if (wrong) return wrong;
  if (strlen(name) >= NAME_SIZE) return -ENAMETOOLONG;
  let node = load<u8>(name) ? node_find(parent, name) : 0;
  const hash = owner_hash(owner, mod);
  if (node) {
    if (load<u32>(node, NODE_OWNER) != ENDPOINT_NONE || load<u32>(node, NODE_TYPE) != type) return -EEXIST;
    if (load<u32>(owner_hashes + ((<usize>(node_number(node) - 1)) << 2)) != hash) return -EEXIST;
  } else {
    if (hash && count_owned(hash) >= MAX_DRIVER_NODES) return -ENOSPC;
    for (let i = 0; i < MAX_NODES && !node; i++) if (!load<u32>(node_at(i), NODE_TYPE)) node = node_at(i);
    if (!node) return -ENOSPC;
  }
  store<u32>(owner_hashes + ((<usize>(node_number(node) - 1)) << 2), hash);
  const epoch = load<u32>(node, DEV_EPOCH) + 1;
  memory.fill(node, 0, NODE_SIZE);
  strscpy(node + DEV_NAME, name, NAME_SIZE);
  store<u32>(node, epoch, DEV_EPOCH);
  store<u32>(node, NODE_MAJOR + node_number(node), DEV_MAJOR);
  if (type == DT_REG) {
    store<u32>(node, owner, DEV_ENDPOINT);
    store<u32>(node, <u32>mod, DEV_MODULE);
  }
  store<u32>(node, type, NODE_TYPE);
  store<u32>(node, mode & 0o777, NODE_MODE);
  store<u32>(node, <u32>parent, NODE_PARENT);
  store<u32>(node, owner, NODE_OWNER);
  store<u32>(node, <u32>mod, NODE_MODULE);
  node_seal(node);
  return <i32>node;
}

/** Sets the operations of a node, and their data. */
export function node_set(node: usize, fops: usize): usize {
  store<u32>(node, <u32>fops, DEV_FOPS);
  node_seal(node);
  return node;
}

/** Removes a node and all below it. The release operation is called for its open files in this domain. */
export function node_remove(node: usize): void {
  if (load<u32>(node, NODE_TYPE) == DT_DIR) {
    for (let i = 0; i < MAX_NODES; i++) {
      if (load<u32>(node_at(i), NODE_TYPE) && <usize>load<u32>(node_at(i), NODE_PARENT) == node)
        node_remove(node_at(i));
    }
  }
  if (!load<u32>(node, DEV_ENDPOINT)) files_release(node);
  const epoch = load<u32>(node, DEV_EPOCH) + 1;
  memory.fill(node, 0, NODE_SIZE);
  store<u32>(node, epoch, DEV_EPOCH);
}

/** The domain behind an endpoint has ended: its module's nodes wait for a successor. */
export function nodes_orphan(endpoint: u32): void {
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (!load<u32>(node, NODE_TYPE) || load<u32>(node, NODE_OWNER) != endpoint) continue;
    store<u32>(node, ENDPOINT_NONE, NODE_OWNER);
    store<u32>(node, 0, NODE_MODULE);
    store<u32>(node, load<u32>(node, DEV_EPOCH) + 1, DEV_EPOCH);
    store<u32>(node, 0, DEV_MODULE);
    if (load<u32>(node, NODE_TYPE) == DT_REG) store<u32>(node, ENDPOINT_NONE, DEV_ENDPOINT);
    node_seal(node);
  }
}

/** The driver of an endpoint has ended: files that are open on its records without a name are stale. */
export function nodes_stale(endpoint: u32): void {
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (load<u32>(node, NODE_TYPE) != DT_NONE || load<u32>(node, DEV_ENDPOINT) != endpoint) continue;
    store<u32>(node, load<u32>(node, DEV_EPOCH) + 1, DEV_EPOCH);
    node_seal(node);
  }
}

/** Removes the nodes of a module. @returns how many */
export function nodes_remove_all(mod: usize, endpoint: u32): i32 {
  let count = 0;
  if (!mod) return 0;
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (!load<u32>(node, NODE_TYPE) || load<u32>(node, NODE_OWNER) != endpoint) continue;
    if (<usize>load<u32>(node, NODE_MODULE) == mod) count++;
  }
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (!load<u32>(node, NODE_TYPE) || load<u32>(node, NODE_OWNER) != endpoint) continue;
    if (<usize>load<u32>(node, NODE_MODULE) != mod) continue;
    node_remove(node);
  }
  return count;
}

/** Removes the nodes that a dead module of another domain has left. @param owner its hash */
export function nodes_forget(owner: u32): void {
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (!load<u32>(node, NODE_TYPE) || load<u32>(node, NODE_OWNER) != ENDPOINT_NONE) continue;
    if (load<u32>(owner_hashes + ((<usize>i) << 2)) == owner) node_remove(node);
  }
}

/** Closes the open files of nodes that a module of this domain has not removed, while its functions still exist. */
export function nodes_release(mod: usize): void {
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (!load<u32>(node, NODE_TYPE) || load<u32>(node, DEV_ENDPOINT)) continue;
    if (<usize>load<u32>(node, NODE_MODULE) != mod) continue;
    files_release(node);
    store<u32>(node, load<u32>(node, DEV_EPOCH) + 1, DEV_EPOCH);
    node_seal(node);
  }
}

const component = memory.data(NAME_SIZE);

/**
 * Follows a path to the directory of its last name.
 * @returns the directory (`last_name` returns the rest), or -1 where a directory on the way does not exist
 */
export function node_walk(from: usize, path: usize): i32 {
  while (true) {
    let length = 0;
    while (load<u8>(path + length) && load<u8>(path + length) != 0x2f) length++;
    if (!load<u8>(path + length)) {
      last = path;
      return <i32>from;
    }
    if (length) {
      if (length >= NAME_SIZE) return -1;
      strscpy(component, path, length + 1);
      from = node_find(from, component);
      if (!from || load<u32>(from, NODE_TYPE) != DT_DIR) return -1;
    }
    path += length + 1;
  }
}

let last: usize = 0;

/** The rest of the path after node_walk. */
export function last_name(): usize {
  return last;
}
