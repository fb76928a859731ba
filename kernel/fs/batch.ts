// Several reads and writes in flight at once: a batch of a client's (SYS_SUBMIT, entries drawn in abi/batch.ts) and a vector
// (SYS_READV, SYS_WRITEV). Each entry is a positioned request of its own. Drivers may answer in any order, and the call ends when
// all entries have.

import { BATCH_MAX } from '../abi/limits';
import {
  ENTRY_BUFFER,
  ENTRY_CALL,
  ENTRY_FD,
  ENTRY_LENGTH,
  ENTRY_OFFSET,
  ENTRY_RESULT,
  ENTRY_SIZE,
  IOV_BASE,
  IOV_LENGTH,
  IOV_SIZE,
} from '../abi/batch';
import { FILE_POSITION, FMODE_READ, FMODE_WRITE } from '../abi/file';
import { OP_READ, OP_WRITE, SYS_READ, SYS_SUBMIT, SYS_WRITE, SYS_WRITEV } from '../abi/operation';
import { EAGAIN, EBADF, EFAULT, EINVAL, EIO } from '../abi/errno';
import { conclude } from '../ipc/conclude';
import { access_ok, CL_CALL, CL_COUNT, CL_FILE, CL_PENDING, client_at, file_of, PARKED } from './clients';
import { entry_client, FIRST_ENTRY, request_at, RQ_ARGUMENT0, RQ_ENTRY, RQ_RESULT } from './requests';
import { start_at, transfer_ok } from './dispatch';

/** @returns 0, or why a batch cannot begin */
function begin(client: i32, list: usize, count: i32, size: i32): i32 {
  const record = client_at(client);
  if (count < 0 || count > BATCH_MAX) return -EINVAL;
  if (!access_ok(client, list, count * size)) return -EFAULT;
  // Entries of a task that was killed may still be in flight.
  if (load<u32>(record, CL_PENDING)) return -EAGAIN;
  store<u32>(record, count, CL_COUNT);
  return 0;
}

/** Stores the result of an entry. */
function settle(request: i32, result: i32): void {
  const record = request_at(request);
  store<i32>(record, result, RQ_RESULT);
  const entry = <usize>load<u32>(record, RQ_ENTRY);
  if (entry) store<i32>(entry, result, ENTRY_RESULT);
}

/** Begins an entry. */
function enter(
  client: i32,
  index: i32,
  entry: usize,
  read: bool,
  file: usize,
  buffer: usize,
  length: i32,
  position: i64,
): void {
  const request = FIRST_ENTRY + client * BATCH_MAX + index;
  const record = client_at(client);
  store<u32>(request_at(request), <u32>entry, RQ_ENTRY);
  let status = transfer_ok(client, file, read ? FMODE_READ : FMODE_WRITE, buffer, length);
  if (!status && position < 0) status = -EINVAL;
  if (!status) status = start_at(request, read ? OP_READ : OP_WRITE, file, buffer, length, position);
  if (status == PARKED) {
    store<i32>(request_at(request), PARKED, RQ_RESULT);
    store<u32>(record, load<u32>(record, CL_PENDING) + 1, CL_PENDING);
    return;
  }
  store<i32>(request_at(request), length, RQ_ARGUMENT0);
  settle(request, status);
}

/** All entries are begun. @returns the call's result where all have ended, or PARKED */
function all_begun(client: i32): i32 {
  return load<u32>(client_at(client), CL_PENDING) ? PARKED : outcome(client);
}

/** @param list entries in the caller's memory */
export function sys_submit(client: i32, list: usize, count: i32): i32 {
  const status = begin(client, list, count, ENTRY_SIZE);
  if (status < 0) return status;
  store<u32>(client_at(client), 0, CL_FILE);
  for (let i = 0; i < count; i++) {
    const entry = list + i * ENTRY_SIZE;
    const call = load<u32>(entry, ENTRY_CALL);
    if (call != SYS_READ && call != SYS_WRITE) {
      store<i32>(entry, -EINVAL, ENTRY_RESULT);
      continue;
    }
    const file = file_of(client, load<i32>(entry, ENTRY_FD));
    const buffer = <usize>load<u32>(entry, ENTRY_BUFFER);
    const length = load<i32>(entry, ENTRY_LENGTH);
    enter(client, i, entry, call == SYS_READ, file, buffer, length, load<i64>(entry, ENTRY_OFFSET));
  }
  return all_begun(client);
}

/** @param vector struct iovec in the caller's memory */
export function sys_vector(client: i32, operation: i32, fd: i32, vector: usize, count: i32): i32 {
  const file = file_of(client, fd);
  if (!file) return -EBADF;
  const status = begin(client, vector, count, IOV_SIZE);
  if (status < 0) return status;
  store<u32>(client_at(client), <u32>file, CL_FILE);
  let position = load<i64>(file, FILE_POSITION);
  for (let i = 0; i < count; i++) {
    const buffer = <usize>load<u32>(vector + i * IOV_SIZE, IOV_BASE);
    const length = load<i32>(vector + i * IOV_SIZE, IOV_LENGTH);
    enter(client, i, 0, operation == OP_READ, file, buffer, length, position);
    position += max(length, 0);
  }
  return all_begun(client);
}

/** The result of a call whose entries have all ended: their number, or a vector's bytes up to the first short one. */
function outcome(client: i32): i32 {
  const record = client_at(client);
  const count = load<i32>(record, CL_COUNT);
  const file = <usize>load<u32>(record, CL_FILE);
  if (!file) return count;
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const request = request_at(FIRST_ENTRY + client * BATCH_MAX + i);
    const result = load<i32>(request, RQ_RESULT);
    if (result < 0 && !bytes) return result;
    if (result > 0) bytes += result;
    if (result < load<i32>(request, RQ_ARGUMENT0)) break;
  }
  store<i64>(file, load<i64>(file, FILE_POSITION) + bytes, FILE_POSITION);
  return bytes;
}

/** An entry has ended: its driver has answered, or will not. */
export function entry_done(request: i32, status: i32): void {
  const client = entry_client(request);
  const record = client_at(client);
  const pending = load<u32>(record, CL_PENDING) - 1;
  store<u32>(record, pending, CL_PENDING);
  settle(request, status);
  const call = load<i32>(record, CL_CALL);
  // CL_CALL is not set before all entries are begun. A task that was killed in its batch has no call, or that which closes its files.
  if (!pending && call >= SYS_SUBMIT && call <= SYS_WRITEV) conclude(client, outcome(client));
}

/** Drops an entry whose call was ended by a trap: no client waits for it. */
export function entry_dropped(request: i32): void {
  const record = client_at(entry_client(request));
  if (load<i32>(request_at(request), RQ_RESULT) != PARKED) return; // it was not begun completely
  store<i32>(request_at(request), -EIO, RQ_RESULT);
  store<u32>(record, load<u32>(record, CL_PENDING) - 1, CL_PENDING);
}
