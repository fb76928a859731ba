// Drivers on the kernel's thread in a memory of their own (the sandbox). A request goes through a frame of the host, which
// catches what the driver traps with, back into wasm (`gate_enter`), and from there into the driver's domain: the host's frame
// has one word to pass and no driver to look up. One at a time: a driver that calls the kernel, which runs its loop meanwhile, is not entered
// again; what comes waits in the queue.

import {
  GATE_BITS,
  GATE_TRAPPED,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  TRANSPORT_GATE,
} from '../abi/channel';
import { FILE_HANDLE } from '../abi/file';
import { MAX_CHANNELS } from '../abi/limits';
import { M_CALL_CLIENT, M_DOORBELL } from '../abi/machine';
import { MACHINE_BASE } from '../abi/map';
import { EIO } from '../abi/errno';
import { OP_CLEANUP, OP_IOCTL, OP_OPEN, OP_REOPEN } from '../abi/operation';
import { PARKED } from '../fs/clients';
import { entry_dropped } from '../fs/batch';
import {
  FIRST_ENTRY,
  FIRST_REOPEN,
  request_at,
  request_client,
  RQ_ARGUMENT0,
  RQ_ARGUMENT1,
  RQ_BUFFER,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_RIGHTS,
} from '../fs/requests';
import { finish } from '../fs/syscalls';
import { gate, gate_handle, gate_special } from '../lib/host';
import { accepted } from './answer';
import { cleaned, endpoint_die } from './death';
import { asked_again } from './held';
import { dequeue, enqueue } from './queue';
import {
  channel_at,
  endpoint_at,
  endpoint_up,
  EP_BUSY,
  EP_GENERATION,
  EP_HEAD,
  EP_SERVE,
  EP_TRANSPORT,
  OCCUPIED,
  file_device,
  place_of,
} from './endpoint';

/** @returns the driver's status, or PARKED where it is busy */
// @ts-ignore: decorator
@inline
export function gate_submit(ep: usize, channel: i32, request: i32): i32 {
  if (load<u32>(ep, EP_BUSY) | load<u32>(ep, EP_HEAD)) {
    enqueue(ep, request); // behind those that have waited longer
    return PARKED;
  }
  const status = run(ep, channel, request);
  // Not here: what the next one traps with would take this answer along.
  if (load<u32>(ep, EP_HEAD)) atomic.add<u32>(MACHINE_BASE, 1, M_DOORBELL);
  return status;
}

/** A driver on this thread has been loaded: until now it was busy with that. @param slot of its domain's serve_ring */
export function gate_open(channel: i32, slot: u32): void {
  store<u32>(endpoint_at(channel), slot, EP_SERVE);
  gate_release(channel);
}

/** Keeps requests from a driver whose timers are about to run. @returns whether it is idle */
export function gate_claim(channel: i32): bool {
  const ep = endpoint_at(channel);
  if (!endpoint_up(channel) || load<u32>(ep, EP_BUSY)) return false;
  store<u32>(ep, OCCUPIED, EP_BUSY);
  return true;
}

export function gate_release(channel: i32): void {
  store<u32>(endpoint_at(channel), 0, EP_BUSY);
  gate_drain(channel);
}

/** Runs what has come while a driver on this thread was busy. */
export function gate_drain(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep, EP_TRANSPORT) != TRANSPORT_GATE) return;
  while (endpoint_up(channel) && !load<u32>(ep, EP_BUSY)) {
    const request = dequeue(ep);
    if (request < 0) return;
    const client = load<u32>(MACHINE_BASE, M_CALL_CLIENT);
    store<i32>(MACHINE_BASE, request_client(request) + 1, M_CALL_CLIENT);
    const status = run(ep, channel, request);
    store<u32>(MACHINE_BASE, client, M_CALL_CLIENT);
    if (status != PARKED) finish(request, status);
  }
}

/**
 * The kernel has trapped in a call by the driver, which was unwound in the middle of a request. A client that has asked is the
 * one to be ended, a driver is told; a file that was opened anew is left to the next.
 */
export function gate_unwound(channel: i32): void {
  const request = load<i32>(endpoint_at(channel), EP_BUSY) - 1;
  if (request < 0) return; // it was loaded, or ran its timers
  const client = request_client(request);
  if (request >= FIRST_ENTRY) entry_dropped(request);
  if (client >= 0) store<i32>(MACHINE_BASE, client + 1, M_CALL_CLIENT);
  else if (request < FIRST_REOPEN) finish(request, -EIO);
}

/** Position of the file that was served last. */
let position: i64 = 0;

/** @returns the driver's status; PARKED where it died over the request, which waits for its successor */
// @ts-ignore: decorator
@inline
function run(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  const ch = channel_at(channel);
  const operation = load<i32>(record, RQ_OPERATION);
  const generation = load<u32>(ep, EP_GENERATION);
  store<u32>(ch, load<u32>(record, RQ_BUFFER), Q_GRANT_ADDRESS);
  store<u32>(ch, load<u32>(record, RQ_LENGTH), Q_GRANT_LENGTH);
  store<u32>(ch, load<u32>(record, RQ_RIGHTS), Q_GRANT_RIGHTS);
  store<u32>(ep, request + 1, EP_BUSY);
  const devices = operation <= OP_IOCTL || operation == OP_REOPEN;
  const status = devices ? gate((request << GATE_BITS) | channel) : special(channel, operation, record);
  // It may have been given up, and even replaced, while it called the kernel.
  if (load<u32>(ep, EP_GENERATION) != generation) return asked_again(request, true, EIO);
  store<u32>(ch, 0, Q_GRANT_RIGHTS);
  store<u32>(ep, 0, EP_BUSY);
  if (!endpoint_up(channel)) return asked_again(request, true, EIO);
  if (status == GATE_TRAPPED) {
    endpoint_die(channel, EIO, EIO);
    return asked_again(request, true, EIO);
  }
  const opens = operation == OP_OPEN || operation == OP_REOPEN;
  if (!accepted(channel, request, status, position, opens ? gate_handle(channel) : 0))
    return asked_again(request, true, EIO);
  if (operation == OP_CLEANUP) cleaned(channel, status);
  return status;
}

function special(channel: i32, operation: i32, record: usize): i32 {
  position = 0;
  return gate_special(channel, operation, load<i32>(record, RQ_ARGUMENT0), load<i32>(record, RQ_ARGUMENT1));
}

/**
 * The way on from the host's frame into the driver's domain.
 * @param ticket request << GATE_BITS | channel
 * @returns the driver's status
 */
export function gate_enter(ticket: i32): i32 {
  const ep = endpoint_at(ticket & (MAX_CHANNELS - 1));
  const record = request_at(ticket >> GATE_BITS);
  const file = <usize>load<u32>(record, RQ_FILE);
  const operation = load<i32>(record, RQ_OPERATION);
  const rights = load<u32>(record, RQ_RIGHTS);
  const first = load<i32>(record, RQ_ARGUMENT0);
  const from = place_of(record, file);
  const served = call_indirect<i64>(
    load<u32>(ep, EP_SERVE),
    operation == OP_REOPEN ? OP_OPEN : operation,
    load<u32>(file, FILE_HANDLE),
    file_device(file),
    from,
    rights ? load<i32>(record, RQ_BUFFER) : first,
    rights ? first : load<i32>(record, RQ_ARGUMENT1),
  );
  position = from + (served >> 32);
  return <i32>served;
}
