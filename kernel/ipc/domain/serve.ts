// Serves one request in a driver's domain: ../../driver-loop.ts passes the message's words as arguments, the operation runs, and the
// status is returned. An open file is a struct file of this domain's own file table; the kernel keeps its address as the handle.

import { MACHINE_BASE } from '../../abi/map';
import { M_REPLY_HANDLE, M_REPLY_POSITION } from '../../abi/machine';
import { FILE_POSITION, PARAM_MAJOR } from '../../abi/file';
import { OP_OPEN, OP_READ, OP_RELEASE, OP_WRITE } from '../../abi/operation';
import { ENFILE, ENODEV } from '../../abi/errno';
import { device_by_major } from '../../fs/devices';
import { file_free, file_new } from '../../fs/files';
import { node_by_major } from '../../fs/nodes';
import { operate } from '../../fs/operations';

/**
 * @param device major << 8 | mode, for OP_OPEN only
 * @param position of the file, as the kernel has it
 * @param buffer address in the caller's memory, the minor to open, the ioctl's command or the seek's offset
 * @param count bytes, the ioctl's argument or whence
 * @returns the driver's status
 */
// @ts-ignore: decorator
@inline
function serve_request(
  operation: i32,
  handle: usize,
  device: u32,
  position: i64,
  buffer: usize,
  count: i32,
): i32 {
  if (operation == OP_OPEN) {
    const major = device >> 8;
    const dev = major < <u32>PARAM_MAJOR ? device_by_major(major) : node_by_major(major);
    if (!dev) return -ENODEV;
    handle = file_new(0, dev, (device & 0xff) - 1, <u32>buffer); // FMODE_* are the flags of open plus one
    if (!handle) return -ENFILE;
  } else {
    store<i64>(handle, position, FILE_POSITION);
  }
  const status = operate(operation, handle, buffer, count);
  store<u32>(MACHINE_BASE, <u32>handle, M_REPLY_HANDLE);
  store<i64>(MACHINE_BASE, load<i64>(handle, FILE_POSITION), M_REPLY_POSITION);
  if (operation == OP_RELEASE || (operation == OP_OPEN && status < 0)) file_free(handle);
  return status;
}

/** @returns the driver's status; served_handle and served_position return the rest of the reply */
export function serve(
  operation: i32,
  handle: usize,
  device: u32,
  position: i64,
  buffer: usize,
  count: i32,
): i32 {
  return serve_request(operation, handle, device, position, buffer, count);
}

/**
 * The same in one value, because each call between instances costs: the status in the lower half, the change of the file's
 * position in the upper. A change that does not fit breaks the protocol.
 */
export function serve_ring(
  operation: i32,
  handle: usize,
  device: u32,
  position: i64,
  buffer: usize,
  count: i32,
): i64 {
  if (operation == OP_READ || operation == OP_WRITE) {
    store<i64>(handle, position, FILE_POSITION);
    const status = operate(operation, handle, buffer, count);
    return pack(status, load<i64>(handle, FILE_POSITION) - position);
  }
  const status = serve_request(operation, handle, device, position, buffer, count);
  return pack(status, load<i64>(MACHINE_BASE, M_REPLY_POSITION) - position);
}

// @ts-ignore: decorator
@inline
function pack(status: i32, moved: i64): i64 {
  const upper = moved == <i64>(<i32>moved) ? moved : i32.MIN_VALUE;
  return (upper << 32) | (<i64>(<u32>status));
}

/** The open file of the last request. */
export function served_handle(): usize {
  return <usize>load<u32>(MACHINE_BASE, M_REPLY_HANDLE);
}

/** Its position now. */
export function served_position(): i64 {
  return load<i64>(MACHINE_BASE, M_REPLY_POSITION);
}

// The driver loop copies a few bytes through these.

export function peek(address: usize): i64 {
  return load<i64>(address);
}

export function poke(address: usize, word: i64): void {
  store<i64>(address, word);
}

export function peek_byte(address: usize): u32 {
  return load<u8>(address);
}

export function poke_byte(address: usize, byte: u32): void {
  store<u8>(address, byte);
}
