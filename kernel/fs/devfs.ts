// /dev: names of devices. A device's name is made when it is registered, as devtmpfs does, and removed with it. mknod makes another
// name for any number, which stays until it is unlinked.

import {
  DEV_MAJOR,
  DEV_NAME,
  DT_CHR,
  DT_DIR,
  MINOR_BITS,
  NODE_AUTO,
  NODE_RDEV,
  NODE_TYPE,
} from '../abi/file';
import { MAX_NODES } from '../abi/limits';
import { cstr } from '../lib/cstr';
import { directory_fops } from './directory';
import { node_add, node_at, node_remove, node_set } from './nodes';

let root: usize = 0;

/** @param top the root of the tree */
export function devfs_init(top: usize): void {
  root = node_set(<usize>node_add(top, cstr('dev'), DT_DIR, 0o755, 0, 0), directory_fops());
}

/** The directory; 0 in a driver's domain. */
export function devfs_root(): usize {
  return root;
}

/** @returns the node, or -EEXIST, -ENOSPC, -EINVAL, -ENAMETOOLONG */
export function devfs_add(name: usize, mode: u32, rdev: u32): i32 {
  const node = node_add(root, name, DT_CHR, mode, 0, 0);
  if (node > 0) store<u32>(<usize>node, rdev, NODE_RDEV);
  return node;
}

/** A device was registered. A node of that name that exists already stays, as in devtmpfs. */
export function devfs_device_added(dev: usize): void {
  if (!root) return;
  const node = devfs_add(dev + DEV_NAME, 0o600, load<u32>(dev, DEV_MAJOR) << MINOR_BITS);
  if (node > 0) store<u32>(<usize>node, 1, NODE_AUTO);
}

/** Removes the name of a device that is removed. */
export function devfs_device_gone(dev: usize): void {
  if (!root) return;
  const rdev = load<u32>(dev, DEV_MAJOR) << MINOR_BITS;
  for (let i = 0; i < MAX_NODES; i++) {
    const node = node_at(i);
    if (
      load<u32>(node, NODE_TYPE) == DT_CHR &&
      load<u32>(node, NODE_AUTO) &&
      load<u32>(node, NODE_RDEV) == rdev
    )
      return node_remove(node);
  }
}
