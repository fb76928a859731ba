// The data store for modules in the kernel's own domain. The caller is the module that runs. A range stays in place as long as the
// module is loaded.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE } from '../abi/map';
import { M_CALL_MODULE } from '../abi/machine';
import {
  INIT_FRESH,
  RANGE_ADDRESS,
  RANGE_LENGTH,
  RANGE_SIZE,
  STORE_BYTES,
  STORE_RANGE,
  STORE_U32,
} from '../abi/store';
import { EPERM } from '../abi/errno';
import { store_delete, store_mode, store_publish, store_retrieve, store_version } from './store';

const range = memory.data(12); // RANGE_SIZE

// @ts-ignore: decorator
@inline
function caller(): usize {
  return <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE);
}

export function ds_publish_u32(key: usize, value: u32): i32 {
  const mod = caller();
  return mod ? store_publish(mod, key, STORE_U32, value, 0, 0) : -EPERM;
}
EXPORT_SYMBOL(ds_publish_u32);

export function ds_publish_bytes(key: usize, from: usize, length: usize): i32 {
  const mod = caller();
  return mod ? store_publish(mod, key, STORE_BYTES, <u32>from, <u32>length, 0) : -EPERM;
}
EXPORT_SYMBOL(ds_publish_bytes);

export function ds_publish_range(key: usize, address: usize, length: usize): i32 {
  const mod = caller();
  return mod ? store_publish(mod, key, STORE_RANGE, <u32>address, <u32>length, 0) : -EPERM;
}
EXPORT_SYMBOL(ds_publish_range);

export function ds_retrieve_u32(key: usize, to: usize): i32 {
  const mod = caller();
  if (!mod) return -EPERM;
  const status = store_retrieve(mod, key, STORE_U32, to, 4);
  return min(status, 0);
}
EXPORT_SYMBOL(ds_retrieve_u32);

export function ds_retrieve_bytes(key: usize, to: usize, size: usize): i32 {
  const mod = caller();
  return mod ? store_retrieve(mod, key, STORE_BYTES, to, <u32>size) : -EPERM;
}
EXPORT_SYMBOL(ds_retrieve_bytes);

export function ds_retrieve_range(key: usize, to: usize, size: usize): i32 {
  const mod = caller();
  if (!mod) return -EPERM;
  const status = store_retrieve(mod, key, STORE_RANGE, range, RANGE_SIZE);
  if (status < 0) return status;
  const count = min<u32>(load<u32>(range, RANGE_LENGTH), <u32>size);
  memory.copy(to, load<u32>(range, RANGE_ADDRESS), count);
  return <i32>count;
}
EXPORT_SYMBOL(ds_retrieve_range);

export function ds_version(key: usize): i32 {
  const mod = caller();
  return mod ? store_version(mod, key) : -EPERM;
}
EXPORT_SYMBOL(ds_version);

export function ds_delete(key: usize): i32 {
  const mod = caller();
  return mod ? store_delete(mod, key) : -EPERM;
}
EXPORT_SYMBOL(ds_delete);

export function init_mode(): i32 {
  const mod = caller();
  return mod ? store_mode(mod) : INIT_FRESH;
}
EXPORT_SYMBOL(init_mode);
