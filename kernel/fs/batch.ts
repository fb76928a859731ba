// Several reads and writes in flight at once: a batch of a client's (SYS_SUBMIT, entries drawn in abi/batch.ts) and a vector
// (SYS_READV, SYS_WRITEV). Each entry is a positioned request of its own; whichever driver it goes to may answer in any order,
// and the call is done when all are.

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
import { access_ok, CL_CALL, CL_COUNT, CL_FILE, CL_LEFT, client_at, file_of, PARKED } from './clients';
import { entry_client, FIRST_ENTRY, request_at, RQ_ARGUMENT0, RQ_ENTRY, RQ_RESULT } from './requests';
import { start_at, transfer_ok } from './dispatch';

/** @returns 0, or why a batch cannot begin */
function begin(client: i32, list: usize, count: i32, size: i32): i32 {
  const record = client_at(client);
  if (count < 0 || count > BATCH_MAX) return -EINVAL;
  if (!access_ok(client, list, count * size)) return -EFAULT;
  // Entries of a task that was killed may still be in flight.
  if (load<u32>(record, CL_LEFT)) return -EAGAIN;
  store<u32>(record, count, CL_COUNT);
  return 0;
}

/** An entry has its result. */
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
    store<u32>(record, load<u32>(record, CL_LEFT) + 1, CL_LEFT);
    return;
  }
  store<i32>(request_at(request), length, RQ_ARGUMENT0);
  settle(request, status);
}

/** All are begun. @returns the call's result where all are done, or PARKED */
function begun(client: i32): i32 {
  return load<u32>(client_at(client), CL_LEFT) ? PARKED : outcome(client);
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
  return begun(client);
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
  return begun(client);
}

/** What a call answers whose entries are all done: how many there were, or a vector's bytes up to the first that fell short. */
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

/** A driver has answered an entry, or never will. */
export function entry_done(request: i32, status: i32): void {
  const client = entry_client(request);
  const record = client_at(client);
  const left = load<u32>(record, CL_LEFT) - 1;
  store<u32>(record, left, CL_LEFT);
  settle(request, status);
  const call = load<i32>(record, CL_CALL);
  // Before all are begun it is nobody's call yet; a task that was killed over its batch waits for nothing, or for its files.
  if (!left && call >= SYS_SUBMIT && call <= SYS_WRITEV) conclude(client, outcome(client));
}

/** An entry has come to nothing with the call that it was of: nobody waits for it. */
export function entry_dropped(request: i32): void {
  const record = client_at(entry_client(request));
  if (load<i32>(request_at(request), RQ_RESULT) != PARKED) return; // it was still being begun
  store<i32>(request_at(request), -EIO, RQ_RESULT);
  store<u32>(record, load<u32>(record, CL_LEFT) - 1, CL_LEFT);
}
