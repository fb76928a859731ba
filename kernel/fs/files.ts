// The file table: struct file (abi/file.ts) for every open file of every client.

import { MACHINE_BASE } from '../abi/map';
import { M_FILES } from '../abi/machine';
import { MAX_FILES } from '../abi/limits';
import {
  FILE_MODE,
  FILE_DEVICE,
  FILE_EPOCH,
  FILE_CLIENT,
  FILE_MODULE,
  FILE_MINOR,
  FILE_SIZE,
  FOPS_RELEASE,
  DEV_ENDPOINT,
  DEV_EPOCH,
  DEV_FOPS,
  DEV_MODULE,
} from '../abi/file';
import { module_put, try_module_get } from '../module/list';
import { device_kept } from './successor';

/** An epoch that no device has. */
const NEVER: u32 = 0xffffffff;

const files = memory.data(MAX_FILES * FILE_SIZE);

export function files_init(): void {
  store<u32>(MACHINE_BASE, <u32>files, M_FILES);
}

/**
 * A file on a device, holding a reference to its module.
 *
 * @param flags O_RDONLY, O_WRONLY or O_RDWR
 * @param minor of the device's name that was opened
 * @returns 0 when the table is full or the module is not live
 */
export function file_new(client: i32, dev: usize, flags: i32, minor: u32): usize {
  for (let i = 0; i < MAX_FILES; i++) {
    const file = files + i * FILE_SIZE;
    if (load<u32>(file, FILE_CLIENT)) continue;
    const mod = <usize>load<u32>(dev, DEV_MODULE);
    if (!try_module_get(mod)) return 0;
    memory.fill(file, 0, FILE_SIZE);
    store<u32>(file, flags + 1, FILE_MODE);
    store<u32>(file, minor, FILE_MINOR);
    store<u32>(file, <u32>dev, FILE_DEVICE);
    store<u32>(file, load<u32>(dev, DEV_EPOCH), FILE_EPOCH);
    store<u32>(file, client + 1, FILE_CLIENT);
    store<u32>(file, <u32>mod, FILE_MODULE);
    return file;
  }
  return 0;
}

/** Whether the driver that opened this file is still the one behind its device. */
// @ts-ignore: decorator
@inline
export function file_current(file: usize): bool {
  return load<u32>(file, FILE_EPOCH) == load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_EPOCH);
}

/** A successor has answered the open of a file. A file that it refuses stays stale. */
export function file_reopened(file: usize, status: i32): void {
  if (!load<u32>(file, FILE_CLIENT) || file_current(file)) return; // it was closed meanwhile, and may be another client's
  const dev = <usize>load<u32>(file, FILE_DEVICE);
  const mod = <usize>load<u32>(dev, DEV_MODULE);
  const taken = status >= 0 && try_module_get(mod);
  store<u32>(file, taken ? load<u32>(dev, DEV_EPOCH) : NEVER, FILE_EPOCH);
  if (taken) store<u32>(file, <u32>mod, FILE_MODULE);
}

/** @returns a file on the devices of an endpoint that is still open at its predecessor, or 0 */
export function file_to_reopen(endpoint: u32): usize {
  for (let i = 0; i < MAX_FILES; i++) {
    const file = files + i * FILE_SIZE;
    if (!load<u32>(file, FILE_CLIENT) || load<u32>(file, FILE_EPOCH) == NEVER || file_current(file)) continue;
    const dev = <usize>load<u32>(file, FILE_DEVICE);
    if (load<u32>(dev, DEV_ENDPOINT) == endpoint && device_kept(dev)) return file;
  }
  return 0;
}

export function file_free(file: usize): void {
  module_put(<usize>load<u32>(file, FILE_MODULE));
  store<u32>(file, 0, FILE_CLIENT);
}

/** Calls release for the open files of a node or device that is removed. They are stale from then on. */
export function files_release(dev: usize): void {
  const fops = <usize>load<u32>(dev, DEV_FOPS);
  const release = fops ? load<u32>(fops, FOPS_RELEASE) : 0;
  for (let i = 0; release && i < MAX_FILES; i++) {
    const file = files + i * FILE_SIZE;
    if (!load<u32>(file, FILE_CLIENT) || <usize>load<u32>(file, FILE_DEVICE) != dev) continue;
    if (file_current(file)) call_indirect<i32>(release, file);
  }
}

/** Marks the open files of a device that is removed, so that they do not reach a later device in its record. */
export function files_mark_stale(dev: usize): void {
  for (let i = 0; i < MAX_FILES; i++) {
    const file = files + i * FILE_SIZE;
    if (load<u32>(file, FILE_CLIENT) && <usize>load<u32>(file, FILE_DEVICE) == dev)
      store<u32>(file, NEVER, FILE_EPOCH);
  }
}

/** A module was removed while files are open on its devices: they hold no reference to it any longer. */
export function files_orphan(mod: usize): void {
  for (let i = 0; i < MAX_FILES; i++) {
    const file = files + i * FILE_SIZE;
    if (<usize>load<u32>(file, FILE_MODULE) == mod) store<u32>(file, 0, FILE_MODULE);
  }
}
