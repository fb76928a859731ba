// Checks a driver's answer to a request, and applies it to the file.

import { FILE_HANDLE, FILE_POSITION } from '../abi/file';
import { MAX_ERRNO } from '../abi/errno';
import { OP_ECHO, OP_IOCTL, OP_LLSEEK, OP_OPEN, OP_READ, OP_REOPEN, OP_WRITE } from '../abi/operation';
import { request_at, RQ_ARGUMENT0, RQ_FILE, RQ_OPERATION, RQ_POSITIONED } from '../fs/requests';
import { protocol_error } from './death';

/**
 * Checks an answer and applies the handle and position to the file.
 * @returns false where the answer breaks the protocol; the endpoint is given up then
 */
// @ts-ignore: decorator
@inline
export function accept_answer(channel: i32, request: i32, status: i32, position: i64, handle: u32): bool {
  const record = request_at(request);
  const operation = load<i32>(record, RQ_OPERATION);
  const most = is_transfer(operation) ? load<i32>(record, RQ_ARGUMENT0) : max_status(operation);
  if (!answer_valid(status, most, position)) {
    protocol_error(channel, operation, status, most);
    return false;
  }
  const file = <usize>load<u32>(record, RQ_FILE);
  if (!file) return true;
  if (!is_transfer(operation)) {
    if (operation == OP_REOPEN || operation == OP_OPEN) store<u32>(file, handle, FILE_HANDLE);
    if (operation == OP_REOPEN) return true;
  }
  if (!load<u32>(record, RQ_POSITIONED)) store<i64>(file, position, FILE_POSITION);
  return true;
}

/** A status is not below -MAX_ERRNO and not above `most`, a position not negative. */
// @ts-ignore: decorator
@inline
export function answer_valid(status: i32, most: i32, position: i64): bool {
  return <u32>(status + MAX_ERRNO) <= <u32>(most + MAX_ERRNO) && position >= 0;
}

// @ts-ignore: decorator
@inline
export function is_transfer(operation: i32): bool {
  return <u32>(operation - OP_READ) <= <u32>(OP_WRITE - OP_READ);
}

/** The highest status of an operation that moves no bytes. */
function max_status(operation: i32): i32 {
  return operation == OP_IOCTL || operation == OP_ECHO || operation == OP_LLSEEK ? i32.MAX_VALUE : 0;
}
