// The device switch: an operation on an open file is called where the driver is in this domain, sent where it is in another, and
// held where it waits for a successor.

import { GRANT_READ, GRANT_WRITE } from '../abi/channel';
import { DEV_ENDPOINT, FILE_DEVICE, FILE_MODE, FILE_POSITION } from '../abi/file';
import { OP_IOCTL, OP_LLSEEK, OP_READ } from '../abi/operation';
import { EBADF, EFAULT, EINVAL, EIO } from '../abi/errno';
import { endpoint_transfer } from '../ipc/fastpath';
import { hold } from '../ipc/held';
import { endpoint_submit } from '../ipc/submit';
import { access_ok, PARKED } from './clients';
import { file_current } from './files';
import { operate } from './operations';
import { request_fill, request_grant, request_set_position } from './requests';
import { device_kept, device_waits } from './successor';

/**
 * Starts an operation on an open file for a request.
 * @returns the driver's status or PARKED
 */
// @ts-ignore: decorator
@inline
export function start(
  request: i32,
  operation: i32,
  file: usize,
  buffer: usize,
  count: i32,
  rights: u32,
): i32 {
  if (!file_current(file)) return stale(request, operation, file, buffer, count, rights);
  const endpoint = load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_ENDPOINT);
  if (!endpoint) {
    const status = operate(operation, file, buffer, count);
    return status == PARKED ? -EIO : status; // a driver must not answer PARKED
  }
  request_fill(request, operation, file, buffer, count, rights);
  if (operation == OP_IOCTL) request_grant(request, count);
  return rights ? endpoint_transfer(request, endpoint - 1) : endpoint_submit(request, endpoint - 1);
}

/** Starts an operation on a file whose driver has ended: it is held, or fails. */
function stale(request: i32, operation: i32, file: usize, buffer: usize, count: i32, rights: u32): i32 {
  const harmless = rights != 0 || operation == OP_LLSEEK;
  if (!device_waits(<usize>load<u32>(file, FILE_DEVICE), harmless)) return -EIO;
  request_fill(request, operation, file, buffer, count, rights);
  if (operation == OP_IOCTL) request_grant(request, count);
  hold(request);
  return PARKED;
}

/** Starts a read or write at `position`; the file's own position does not change. */
export function start_at(
  request: i32,
  operation: i32,
  file: usize,
  buffer: usize,
  count: i32,
  position: i64,
): i32 {
  const rights = operation == OP_READ ? GRANT_WRITE : GRANT_READ;
  const endpoint = load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_ENDPOINT);
  if (!endpoint && file_current(file)) {
    const before = load<i64>(file, FILE_POSITION);
    store<i64>(file, position, FILE_POSITION);
    const status = operate(operation, file, buffer, count);
    store<i64>(file, before, FILE_POSITION);
    return status == PARKED ? -EIO : status;
  }
  request_fill(request, operation, file, buffer, count, rights);
  request_set_position(request, position);
  if (file_current(file)) return endpoint_transfer(request, endpoint - 1);
  if (!device_kept(<usize>load<u32>(file, FILE_DEVICE))) return -EIO;
  hold(request);
  return PARKED;
}

/** Checks a read or write of an open file. @returns 0 or a negative errno */
// @ts-ignore: decorator
@inline
export function transfer_ok(client: i32, file: usize, mode: u32, buffer: usize, count: i32): i32 {
  if (!file || !(load<u32>(file, FILE_MODE) & mode)) return -EBADF;
  if (!access_ok(client, buffer, count)) return count < 0 ? -EINVAL : -EFAULT;
  return 0;
}
