// The table of character devices (abi/file.ts): the driver of each /dev/NAME. In a driver's domain it lists the devices of that
// driver; in the kernel's domain all devices, with the endpoint of the driver.
//
// A device whose driver died is kept for that driver's successor: no other module gets its name, nor the data that its clients
// send. The devices that a driver of another domain holds, dead or alive, are limited.

import { MACHINE_BASE } from '../abi/map';
import { M_DEVICES } from '../abi/machine';
import { MAX_DEVICES, MAX_DRIVER_DEVICES, NAME_SIZE } from '../abi/limits';
import {
  DEV_NAME,
  DEV_MAJOR,
  DEV_ENDPOINT,
  DEV_EPOCH,
  DEV_MODULE,
  DEV_FOPS,
  DEV_FLAGS,
  DEV_CHECKSUM,
  DEV_SIZE,
  DEVICE_BITS,
  DEVICE_IDEMPOTENT,
  DEVICE_KEPT,
  DEVICE_REPLACED,
  ENDPOINT_NONE,
  FOP_IDEMPOTENT,
} from '../abi/file';
import { EBUSY, EINVAL, ENOSPC } from '../abi/errno';
import { FNV_OFFSET } from '../abi/log';
import { devfs_device_added, devfs_device_gone } from './devfs';
import { kmalloc_for } from '../mm/kmalloc';
import { files_mark_stale } from './files';
import { owner_hash } from './owner-hash';
import { name_error } from '../lib/name';
import { device_kept } from './successor';
import { fnv, same_name, strscpy } from '../lib/text';

let devices: usize = 0;
/** By device, the hash of the name of the module that registered it; 0 where that was in this domain. */
const owner_hashes = memory.data(MAX_DEVICES * 4);
/** Linux hands out dynamic majors from 254 down. */
const FIRST_DYNAMIC = 254;

export function devices_init(): void {
  devices = kmalloc_for(0, MAX_DEVICES * DEV_SIZE);
  memory.fill(devices, 0, MAX_DEVICES * DEV_SIZE);
  store<u32>(MACHINE_BASE, <u32>devices, M_DEVICES);
}


@inline
export function device_at(i: i32): usize {
  return at(i);
}


@inline
function at(i: i32): usize {
  return devices + i * DEV_SIZE;
}

/** The address of a device's owner hash. */
function owner_hash_of(dev: usize): usize {
  return owner_hashes + (((dev - devices) / DEV_SIZE) << 2);
}

/** How many devices a module of another domain holds. */
function count_owned(owner: u32): i32 {
  let count = 0;
  for (let i = 0; i < MAX_DEVICES; i++)
    if (load<u32>(at(i), DEV_MAJOR) && load<u32>(owner_hash_of(at(i))) == owner) count++;
  return count;
}

export function device_by_name(name: usize): usize {
  for (let i = 0; i < MAX_DEVICES; i++) {
    if (load<u32>(at(i), DEV_MAJOR) && same_name(at(i) + DEV_NAME, name)) return at(i);
  }
  return 0;
}

export function device_by_major(major: u32): usize {
  for (let i = 0; i < MAX_DEVICES; i++) if (load<u32>(at(i), DEV_MAJOR) == major) return at(i);
  return 0;
}

function seal(dev: usize): void {
  store<u32>(dev, fnv(FNV_OFFSET, dev, DEV_CHECKSUM), DEV_CHECKSUM);
}

/** A device is not kept any more: the successor has taken it over, or there is none. */
export function device_clear_kept(dev: usize): void {
  store<u32>(dev, load<u32>(dev, DEV_FLAGS) & DEVICE_IDEMPOTENT, DEV_FLAGS);
  seal(dev);
}

/**
 * Adds a device, or gives a kept device to the successor: same module, same name, same major unless dynamic.
 * @param major 0 for a dynamic one
 * @param flags FOP_
 * @returns the major, or -EINVAL, -ENAMETOOLONG, -EBUSY, -ENOSPC (no number is left, or the driver has its share)
 */
export function device_add(major: u32, name: usize, endpoint: u32, mod: usize, fops: usize, flags: u32): i32 {
  const wrong = name_error(name);
  if (wrong) return wrong;
  if (major > 511) return -EINVAL;
  let dev = device_by_name(name);
  const known = dev != 0;
  const owner = owner_hash(endpoint, mod);
  if (dev) {
    if (load<u32>(dev, DEV_ENDPOINT) != ENDPOINT_NONE || (major && load<u32>(dev, DEV_MAJOR) != major))
      return -EBUSY;
    if (load<u32>(owner_hash_of(dev)) != owner) return -EBUSY;
    major = load<u32>(dev, DEV_MAJOR);
  } else {
    if (owner && count_owned(owner) >= MAX_DRIVER_DEVICES) return -ENOSPC;
    if (!major) for (major = FIRST_DYNAMIC; major && device_by_major(major);) major--;
    else if (device_by_major(major)) return -EBUSY;
    dev = device_by_major(0);
    if (!dev || !major) return -ENOSPC;
  }
  strscpy(dev + DEV_NAME, name, NAME_SIZE);
  store<u32>(owner_hash_of(dev), owner);
  store<u32>(dev, endpoint, DEV_ENDPOINT);
  store<u32>(dev, load<u32>(dev, DEV_EPOCH) + 1, DEV_EPOCH);
  store<u32>(dev, <u32>mod, DEV_MODULE);
  store<u32>(dev, <u32>fops, DEV_FOPS);
  store<u32>(dev, major, DEV_MAJOR);
  const kept = load<u32>(dev, DEV_FLAGS) & ~DEVICE_IDEMPOTENT; // its files are reopened when the module is live
  store<u32>(dev, kept | (flags & FOP_IDEMPOTENT ? DEVICE_IDEMPOTENT : 0), DEV_FLAGS);
  seal(dev);
  if (!known) devfs_device_added(dev);
  return major;
}

/** Removes a device; files that are still open on it stay stale. */
export function device_remove(dev: usize): void {
  devfs_device_gone(dev);
  files_mark_stale(dev);
  const epoch = load<u32>(dev, DEV_EPOCH) + 1;
  memory.fill(dev, 0, DEV_SIZE);
  store<u32>(dev, epoch, DEV_EPOCH);
}

/**
 * The driver behind an endpoint has ended: its devices wait for a successor, their open files are stale.
 * @param replaced whether it was unloaded for a successor: then every device is kept, not only the idempotent ones
 */
export function devices_orphan(endpoint: u32, replaced: bool): void {
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = at(i);
    if (load<u32>(dev, DEV_MAJOR) && load<u32>(dev, DEV_ENDPOINT) == endpoint) device_orphan(dev, replaced);
  }
}

/** @param replaced whether to keep any device. A device whose clients wait already is kept in any case */
export function device_orphan(dev: usize, replaced: bool): void {
  const flags = load<u32>(dev, DEV_FLAGS) & DEVICE_IDEMPOTENT;
  const how = replaced
    ? DEVICE_KEPT | DEVICE_REPLACED
    : (load<u32>(dev, DEV_FLAGS) & DEVICE_REPLACED) | DEVICE_KEPT;
  const mark = how | (load<u32>(dev, DEV_ENDPOINT) << DEVICE_BITS);
  store<u32>(dev, replaced || flags || device_kept(dev) ? flags | mark : 0, DEV_FLAGS);
  store<u32>(dev, ENDPOINT_NONE, DEV_ENDPOINT);
  store<u32>(dev, load<u32>(dev, DEV_EPOCH) + 1, DEV_EPOCH);
  store<u32>(dev, 0, DEV_MODULE);
  seal(dev);
}

/** @returns the first device without a driver of a module of another domain, or 0. @param owner its hash */
export function device_orphaned(owner: u32): usize {
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = at(i);
    if (!load<u32>(dev, DEV_MAJOR) || load<u32>(dev, DEV_ENDPOINT) != ENDPOINT_NONE) continue;
    if (load<u32>(owner_hash_of(dev)) == owner) return dev;
  }
  return 0;
}

/** Removes every device of a module, which an unloaded driver has not removed itself. @returns how many */
export function devices_remove_all(mod: usize, endpoint: u32): i32 {
  let count = 0;
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = at(i);
    if (!load<u32>(dev, DEV_MAJOR) || load<u32>(dev, DEV_ENDPOINT) != endpoint) continue;
    if (<usize>load<u32>(dev, DEV_MODULE) != mod) continue;
    device_remove(dev);
    count++;
  }
  return count;
}
