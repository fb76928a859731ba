// The record of a request to a driver in another domain: operation, grant, caller. Each client has one for its system call, so that
// a call allocates nothing. The others are for batches, for drivers that call other drivers' symbols, and for files that are
// reopened.
//
//   0 … MAX_CLIENTS - 1   system calls, by client; the first is the in-thread client's
//   FIRST_GATE …          calls of symbols, by the channel of the caller (ipc/symbols.ts)
//   FIRST_REOPEN …        files that are opened on a successor, by its channel (ipc/submit.ts)
//   FIRST_ENTRY …         entries of batches, BATCH_MAX of each client (batch.ts)

import { DEV_MAJOR, FILE_DEVICE, FILE_MODE, FILE_POSITION } from '../abi/file';
import { BATCH_MAX, MAX_CHANNELS } from '../abi/limits';
import { GRANT_READ, GRANT_WRITE } from '../abi/channel';
import { MAX_CLIENTS, USER_BASE, USER_SIZE } from '../abi/map';

export const IN_THREAD = 0;
export const FIRST_GATE = MAX_CLIENTS;
export const FIRST_REOPEN = FIRST_GATE + MAX_CHANNELS;
export const FIRST_ENTRY = FIRST_REOPEN + MAX_CHANNELS;
const MAX_REQUESTS = FIRST_ENTRY + MAX_CLIENTS * BATCH_MAX;

export const RQ_OPERATION = 0;
export const RQ_FILE = 4; // 0 where it concerns no file
export const RQ_CHANNEL = 8;
export const RQ_NEXT = 12; // request + 1 after this one in a queue
export const RQ_BUFFER = 16;
export const RQ_LENGTH = 20;
export const RQ_RIGHTS = 24;
export const RQ_ARGUMENT0 = 28;
export const RQ_ARGUMENT1 = 32;
export const RQ_POSITIONED = 36; // whether it has a position of its own
export const RQ_POSITION = 40; // i64
export const RQ_DEADLINE = 48; // f64 ms, 0 until the first check
export const RQ_STARTED = 56; // u64, of the trace: when it was sent, as trace_start has it; 0 where it is not sent, or not traced
export const RQ_RESULT = 64; // of an entry of a batch
export const RQ_ENTRY = 68; // address of that entry in the client's memory, 0 of a vector's
export const RQ_DEATHS = 72; // of drivers that were serving it (MOST_DEATHS)
const RQ_SIZE = 80;

const requests = memory.data(MAX_REQUESTS * RQ_SIZE);

// @ts-ignore: decorator
@inline
export function request_at(request: i32): usize {
  return requests + request * RQ_SIZE;
}

/** Client of an entry of a batch. */
// @ts-ignore: decorator
@inline
export function entry_client(request: i32): i32 {
  return (request - FIRST_ENTRY) / BATCH_MAX;
}

/** The client of a request, -1 where a driver or the kernel has made it. */
export function request_client(request: i32): i32 {
  if (request < FIRST_GATE) return request;
  return request < FIRST_ENTRY ? -1 : entry_client(request);
}

/**
 * Fills a request.
 * @param rights GRANT_; with none, `buffer` and `count` are the operation's two numbers
 */
// @ts-ignore: decorator
@inline
export function request_fill(
  request: i32,
  operation: i32,
  file: usize,
  buffer: usize,
  count: i32,
  rights: u32,
): void {
  const record = request_at(request);
  store<u32>(record, operation, RQ_OPERATION);
  store<u32>(record, <u32>file, RQ_FILE);
  store<u32>(record, rights ? <u32>buffer : 0, RQ_BUFFER);
  store<u32>(record, rights ? count : 0, RQ_LENGTH);
  store<u32>(record, rights, RQ_RIGHTS);
  store<u32>(record, rights ? count : <i32>buffer, RQ_ARGUMENT0);
  store<u32>(record, rights ? 0 : count, RQ_ARGUMENT1);
  store<u32>(record, 0, RQ_POSITIONED);
  store<u32>(record, 0, RQ_DEATHS);
}

/**
 * An ioctl's argument may be an address. If it is in the client's part of the user area the request grants the rest of that area:
 * only the driver knows the length.
 * @param request a system call's, which has the client's number
 */
export function request_grant(request: i32, argument: u32): void {
  const room = <u32>(USER_BASE + (request + 1) * USER_SIZE) - argument;
  if (room - 1 >= <u32>USER_SIZE) return;
  const record = request_at(request);
  store<u32>(record, argument, RQ_BUFFER);
  store<u32>(record, room, RQ_LENGTH);
  store<u32>(record, GRANT_READ | GRANT_WRITE, RQ_RIGHTS);
}

/** Gives a request a position of its own; the file's position does not change. */
// @ts-ignore: decorator
@inline
export function request_set_position(request: i32, position: i64): void {
  const record = request_at(request);
  store<u32>(record, 1, RQ_POSITIONED);
  store<i64>(record, position, RQ_POSITION);
}

/** The device word of an open: major << 8 | mode. */
// @ts-ignore: decorator
@inline
export function file_device(file: usize): u32 {
  return (load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_MAJOR) << 8) | load<u32>(file, FILE_MODE);
}

/** The position at which a request reads or writes. */
// @ts-ignore: decorator
@inline
export function request_position(record: usize, file: usize): i64 {
  return load<u32>(record, RQ_POSITIONED) ? load<i64>(record, RQ_POSITION) : load<i64>(file, FILE_POSITION);
}
