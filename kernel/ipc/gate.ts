// Drivers on the kernel's thread in a memory of their own (the sandbox): a request is a call of the host, whose frame catches
// what the driver traps with. One at a time: a driver that calls the kernel, which runs its loop meanwhile, is not entered
// again; what comes waits in the queue.

import {
  GATE_TRAPPED,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  R_HANDLE,
  R_POSITION,
  REPLY_LINE,
} from '../abi/channel';
import { FILE_HANDLE } from '../abi/file';
import { EIO } from '../abi/errno';
import { OP_CLEANUP, OP_OPEN, OP_REOPEN } from '../abi/operation';
import { PARKED } from '../fs/clients';
import {
  request_at,
  RQ_ARGUMENT0,
  RQ_ARGUMENT1,
  RQ_BUFFER,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_RIGHTS,
} from '../fs/requests';
import { finish } from '../fs/syscalls';
import { gate } from '../lib/host';
import { cleaned, endpoint_die } from './death';
import { asked_again } from './held';
import { dequeue, enqueue } from './queue';
import {
  accepted,
  channel_at,
  endpoint_at,
  endpoint_up,
  EP_BUSY,
  EP_GENERATION,
  EP_HEAD,
  file_device,
  OCCUPIED,
  place_of,
} from './endpoint';

/** @returns the driver's status, or PARKED where it is busy */
export function gate_submit(ep: usize, channel: i32, request: i32): i32 {
  if (load<u32>(ep, EP_BUSY)) {
    enqueue(ep, request);
    return PARKED;
  }
  const status = run(ep, channel, request);
  if (load<u32>(ep, EP_HEAD)) gate_drain(channel);
  return status;
}

/** A driver on this thread is about to run its timers: until gate_open it is busy with them. @returns whether it is idle */
export function gate_close(channel: i32): bool {
  const ep = endpoint_at(channel);
  if (load<u32>(ep, EP_BUSY)) return false;
  store<u32>(ep, OCCUPIED, EP_BUSY);
  return true;
}

/** A driver on this thread has been loaded, or has run its timers: until now it was busy with that. */
export function gate_open(channel: i32): void {
  store<u32>(endpoint_at(channel), 0, EP_BUSY);
  gate_drain(channel);
}

/** Runs what has come while the driver was busy. */
export function gate_drain(channel: i32): void {
  const ep = endpoint_at(channel);
  while (endpoint_up(channel) && !load<u32>(ep, EP_BUSY)) {
    const request = dequeue(ep);
    if (request < 0) return;
    const status = run(ep, channel, request);
    if (status != PARKED) finish(request, status);
  }
}

/** @returns the driver's status; PARKED where it died over the request, which waits for its successor */
function run(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  const ch = channel_at(channel);
  const file = <usize>load<u32>(record, RQ_FILE);
  const rights = load<u32>(record, RQ_RIGHTS);
  const first = load<u32>(record, RQ_ARGUMENT0);
  let operation = load<u32>(record, RQ_OPERATION);
  const leaves = operation == OP_CLEANUP;
  if (operation == OP_REOPEN) operation = OP_OPEN;
  let handle: u32 = 0;
  let device: u32 = 0;
  let place: i64 = 0;
  if (file) {
    handle = load<u32>(file, FILE_HANDLE);
    device = file_device(file);
    place = place_of(record, file);
  }
  const buffer = load<u32>(record, RQ_BUFFER);
  const generation = load<u32>(ep, EP_GENERATION);
  store<u32>(ch, buffer, Q_GRANT_ADDRESS);
  store<u32>(ch, load<u32>(record, RQ_LENGTH), Q_GRANT_LENGTH);
  store<u32>(ch, rights, Q_GRANT_RIGHTS);
  store<u32>(ep, request + 1, EP_BUSY);
  const status = gate(
    channel,
    operation,
    handle,
    device,
    <i32>place,
    <i32>(place >> 32),
    rights ? buffer : first,
    rights ? first : load<u32>(record, RQ_ARGUMENT1),
  );
  // It may have been given up, and even replaced, while it called the kernel.
  if (load<u32>(ep, EP_GENERATION) != generation) return asked_again(request, true, EIO);
  store<u32>(ch, 0, Q_GRANT_RIGHTS);
  store<u32>(ep, 0, EP_BUSY);
  if (!endpoint_up(channel)) return asked_again(request, true, EIO);
  if (status == GATE_TRAPPED) {
    endpoint_die(channel, EIO, EIO);
    return asked_again(request, true, EIO);
  }
  const line = ch + REPLY_LINE;
  if (!accepted(channel, request, status, load<i64>(line, R_POSITION), load<u32>(line, R_HANDLE)))
    return asked_again(request, true, EIO);
  if (leaves) cleaned(channel, status);
  return status;
}
