// A device operation in this domain: calls a table index of the driver's file_operations. The kernel's domain uses this for the
// drivers in it, and a driver's domain for its own. The call mark, which is set here, says which module runs.

import { MACHINE_BASE } from '../abi/map';
import { M_CALL_FILE, M_CALL_MODULE, M_CALL_OPERATION } from '../abi/machine';
import {
  DEV_FOPS,
  DEV_MODULE,
  FILE_DEVICE,
  FILE_POSITION,
  FOPS_IOCTL,
  FOPS_LLSEEK,
  FOPS_OPEN,
  FOPS_READ,
  FOPS_RELEASE,
  FOPS_WRITE,
} from '../abi/file';
import { OP_IOCTL, OP_LLSEEK, OP_OPEN, OP_READ, OP_RELEASE, OP_WRITE } from '../abi/operation';
import { EINVAL, EIO, ENOTTY, EOVERFLOW, ESPIPE, MAX_ERRNO } from '../abi/errno';

/**
 * @param buffer address in the caller's memory (read, write), command (ioctl) or offset (llseek)
 * @param count bytes, the ioctl's argument, or whence
 * @returns the driver's answer, unchecked; for llseek the new position
 */
// @ts-ignore: decorator
@inline
export function operate(operation: i32, file: usize, buffer: usize, count: i32): i32 {
  const dev = <usize>load<u32>(file, FILE_DEVICE);
  const fops = <usize>load<u32>(dev, DEV_FOPS);
  store<u32>(MACHINE_BASE, load<u32>(dev, DEV_MODULE), M_CALL_MODULE);
  store<u32>(MACHINE_BASE, operation, M_CALL_OPERATION);
  store<u32>(MACHINE_BASE, <u32>file, M_CALL_FILE);
  let status: i32;
  if (operation == OP_READ) {
    const index = load<u32>(fops, FOPS_READ);
    status = index ? call_indirect<i32>(index, file, buffer, count, file + FILE_POSITION) : -EINVAL;
  } else if (operation == OP_WRITE) {
    const index = load<u32>(fops, FOPS_WRITE);
    status = index ? call_indirect<i32>(index, file, buffer, count, file + FILE_POSITION) : -EINVAL;
  } else {
    status = operate_other(operation, fops, file, buffer, count);
  }
  store<u32>(MACHINE_BASE, 0, M_CALL_MODULE);
  return status;
}

function operate_other(operation: i32, fops: usize, file: usize, buffer: usize, count: i32): i32 {
  if (operation == OP_OPEN) {
    const index = load<u32>(fops, FOPS_OPEN);
    return index ? call_indirect<i32>(index, file) : 0;
  }
  if (operation == OP_RELEASE) {
    const index = load<u32>(fops, FOPS_RELEASE);
    return index ? call_indirect<i32>(index, file) : 0;
  }
  if (operation == OP_IOCTL) {
    const index = load<u32>(fops, FOPS_IOCTL);
    return index ? call_indirect<i32>(index, file, buffer, count) : -ENOTTY;
  }
  if (operation == OP_LLSEEK) {
    const index = load<u32>(fops, FOPS_LLSEEK);
    if (!index) return -ESPIPE;
    const position = call_indirect<i64>(index, file, <i64>(<i32>buffer), count);
    if (position < -MAX_ERRNO) return -EIO;
    return position > i32.MAX_VALUE ? -EOVERFLOW : <i32>position;
  }
  return -EINVAL;
}
