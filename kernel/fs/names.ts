// System calls on names: stat, getdents, mknod, unlink, and the look-up of open. All of them end at once.

import {
  DEV_ENDPOINT,
  DEV_MODULE,
  DT_CHR,
  DT_DIR,
  ENDPOINT_NONE,
  FILE_DEVICE,
  FILE_POSITION,
  MINOR_BITS,
  NODE_TYPE,
  S_IFCHR,
  S_IFMT,
  STAT_BYTES,
  STAT_INODE,
  STAT_MAJOR,
  STAT_MINOR,
  STAT_MODE,
  STAT_SIZE,
} from '../abi/file';
import { PATH_MAX } from '../abi/limits';
import { O_RDONLY, O_WRONLY } from '../abi/operation';
import {
  EACCES,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
} from '../abi/errno';
import { module_live } from '../module/list';
import { access_ok, file_of } from './clients';
import { device_by_major } from './devices';
import { devfs_add, devfs_root } from './devfs';
import { list_end, list_full } from './directory';
import { file_current } from './files';
import { found_at, found_inode, found_mode, found_name, found_parent, found_rdev, found_type } from './found';
import { is_node, node_remove } from './nodes';
import { path_list, path_lookup, stands_alone } from './path';
import { sysfs_is_directory, sysfs_list_file } from './sys/sysfs';

const path = memory.data(PATH_MAX);

/** Copies a text from the caller's memory. @returns 0, -EFAULT or -ENAMETOOLONG */
export function take_text(client: i32, from: usize): i32 {
  for (let i = 0; i < PATH_MAX; i++) {
    if (!access_ok(client, from + i, 1)) return -EFAULT;
    const letter = load<u8>(from + i);
    store<u8>(path + i, letter);
    if (!letter) return 0;
  }
  return -ENAMETOOLONG;
}

/** The text that take_text has copied. */
export function taken_text(): usize {
  return path;
}

function look_up(client: i32, name: usize): i32 {
  const taken = take_text(client, name);
  return taken < 0 ? taken : path_lookup(path);
}

/**
 * Looks up the name for an open.
 * @returns the device or node that the file refers to, or a negative errno; `opened_minor` returns the minor
 */
export function name_to_open(client: i32, name: usize, flags: i32): i32 {
  const status = look_up(client, name);
  if (status < 0) return status;
  if (found_type == DT_DIR) {
    if (flags != O_RDONLY) return -EISDIR;
  } else {
    if (flags != O_WRONLY && !(found_mode & 0o444)) return -EACCES;
    if (flags != O_RDONLY && !(found_mode & 0o222)) return -EACCES;
  }
  let dev = found_at;
  if (found_type == DT_CHR && !stands_alone(found_at)) {
    dev = device_by_major(found_rdev >> MINOR_BITS);
    if (!dev || !(found_rdev >> MINOR_BITS)) return -ENXIO;
  }
  const gone = load<u32>(dev, DEV_ENDPOINT) == ENDPOINT_NONE;
  if (gone || !module_live(<usize>load<u32>(dev, DEV_MODULE))) return -ENXIO;
  return <i32>dev;
}

/** The minor number of the name that name_to_open found. */
export function opened_minor(): u32 {
  return found_rdev & ((1 << MINOR_BITS) - 1);
}

export function sys_stat(client: i32, name: usize, to: usize): i32 {
  const status = look_up(client, name);
  if (status < 0) return status;
  if (!access_ok(client, to, STAT_SIZE)) return -EFAULT;
  store<u32>(to, found_mode | (found_type << 12), STAT_MODE);
  store<u32>(to, found_type == DT_CHR ? found_rdev >> MINOR_BITS : 0, STAT_MAJOR);
  store<u32>(to, found_type == DT_CHR ? opened_minor() : 0, STAT_MINOR);
  store<u32>(to, 0, STAT_BYTES);
  store<u32>(to, found_inode, STAT_INODE);
  return 0;
}

export function sys_getdents(client: i32, fd: i32, buffer: usize, size: i32): i32 {
  const file = file_of(client, fd);
  if (!file) return -EBADF;
  if (!file_current(file)) return -EIO;
  if (!access_ok(client, buffer, size)) return size < 0 ? -EINVAL : -EFAULT;
  const node = <usize>load<u32>(file, FILE_DEVICE);
  const before = <i32>load<i64>(file, FILE_POSITION);
  let position: i32;
  if (sysfs_is_directory(node)) position = sysfs_list_file(file, before, buffer, size);
  else if (is_node(node) && load<u32>(node, NODE_TYPE) == DT_DIR)
    position = path_list(node, before, buffer, size);
  else return -ENOTDIR;
  if (position < 0) return position;
  store<i64>(file, position, FILE_POSITION);
  const bytes = <i32>(list_end() - buffer);
  return bytes || !list_full() ? bytes : -EINVAL;
}

/** @param dev major << MINOR_BITS | minor */
export function sys_mknod(client: i32, name: usize, mode: u32, dev: u32): i32 {
  const status = look_up(client, name);
  if (!status) return -EEXIST;
  if (status != -ENOENT || !found_parent) return status;
  if (found_parent != devfs_root()) return -EPERM;
  if ((mode & S_IFMT) != S_IFCHR) return mode & S_IFMT ? -EPERM : -EINVAL;
  const node = devfs_add(found_name, mode, dev);
  return node < 0 ? node : 0;
}

export function sys_unlink(client: i32, name: usize): i32 {
  const status = look_up(client, name);
  if (status < 0) return status;
  if (found_type == DT_DIR) return -EISDIR;
  if (found_parent != devfs_root() || found_type != DT_CHR) return -EPERM;
  node_remove(found_at);
  return 0;
}
