// The data store in a driver's domain, by calls of the kernel. The host writes what a call returns to this memory. The bytes of a
// dead predecessor's range it copies from the memory that the supervisor has kept.

import { EXPORT_SYMBOL } from '../../lib/export';
import {
  CALL_STORE_DELETE,
  CALL_STORE_MODE,
  CALL_STORE_PUBLISH,
  CALL_STORE_RETRIEVE,
  CALL_STORE_VERSION,
} from '../../abi/operation';
import {
  RANGE_ADDRESS,
  RANGE_LENGTH,
  RANGE_SIZE,
  RANGE_TAG,
  STORE_BYTES,
  STORE_BYTES_MAX,
  STORE_KEY_SIZE,
  STORE_RANGE,
  STORE_U32,
} from '../../abi/store';
import { E2BIG, EFAULT, ENAMETOOLONG, ENOENT } from '../../abi/errno';
import { strlen } from '../../lib/text';
import { call } from './gates';

/**
 * As `call`. Then copies as many bytes as the status says, at most `size`, from the channel to `to`.
 */
@external("host", "call_for")
declare function call_for(
  operation: i32,
  a: i32,
  b: i32,
  data: usize,
  length: i32,
  to: usize,
  size: i32,
): i32;

/** Copies from the memory of a dead predecessor. @returns 0, or 1 where there is none of that name or no such range */
@external("host", "copy_previous")
declare function copy_previous(to: usize, from: usize, count: usize, incarnation: u32): i32;

const data = memory.data(512); // STORE_KEY_SIZE + STORE_BYTES_MAX
const range = memory.data(12); // RANGE_SIZE

/** @param length of the value, which is put after the key's NUL */
function publish(key: usize, type: i32, from: usize, length: u32): i32 {
  const size = strlen(key) + 1;
  if (size > STORE_KEY_SIZE) return -ENAMETOOLONG;
  if (length > <u32>STORE_BYTES_MAX) return -E2BIG;
  memory.copy(data, key, size);
  memory.copy(data + size, from, length);
  return call(CALL_STORE_PUBLISH, type, length, data, size + <i32>length);
}

export function ds_publish_u32(key: usize, value: u32): i32 {
  store<u32>(range, value);
  return publish(key, STORE_U32, range, 4);
}
EXPORT_SYMBOL(ds_publish_u32);

export function ds_publish_bytes(key: usize, from: usize, length: usize): i32 {
  return publish(key, STORE_BYTES, from, <u32>length);
}
EXPORT_SYMBOL(ds_publish_bytes);

export function ds_publish_range(key: usize, address: usize, length: usize): i32 {
  if (<u64>address + <u64>length > (<u64>memory.size()) << 16) return -EFAULT;
  store<u32>(range, <u32>address, RANGE_ADDRESS);
  store<u32>(range, <u32>length, RANGE_LENGTH);
  return publish(key, STORE_RANGE, range, 8);
}
EXPORT_SYMBOL(ds_publish_range);

function retrieve(key: usize, type: i32, to: usize, size: usize): i32 {
  return call_for(CALL_STORE_RETRIEVE, type, <i32>size, key, strlen(key), to, <i32>size);
}

export function ds_retrieve_u32(key: usize, to: usize): i32 {
  return min(retrieve(key, STORE_U32, to, 4), 0);
}
EXPORT_SYMBOL(ds_retrieve_u32);

export function ds_retrieve_bytes(key: usize, to: usize, size: usize): i32 {
  return retrieve(key, STORE_BYTES, to, size);
}
EXPORT_SYMBOL(ds_retrieve_bytes);

export function ds_retrieve_range(key: usize, to: usize, size: usize): i32 {
  const status = retrieve(key, STORE_RANGE, range, RANGE_SIZE);
  if (status < 0) return status;
  const count = min<usize>(load<u32>(range, RANGE_LENGTH), size);
  const from = <usize>load<u32>(range, RANGE_ADDRESS);
  const tag = load<u32>(range, RANGE_TAG);
  if (!tag) memory.copy(to, from, count);
  else if (copy_previous(to, from, count, tag)) return -ENOENT;
  return <i32>count;
}
EXPORT_SYMBOL(ds_retrieve_range);

export function ds_version(key: usize): i32 {
  return call(CALL_STORE_VERSION, 0, 0, key, strlen(key));
}
EXPORT_SYMBOL(ds_version);

export function ds_delete(key: usize): i32 {
  return call(CALL_STORE_DELETE, 0, 0, key, strlen(key));
}
EXPORT_SYMBOL(ds_delete);

export function init_mode(): i32 {
  return call(CALL_STORE_MODE, 0, 0, 0, 0);
}
EXPORT_SYMBOL(init_mode);
