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
import { FILE_HANDLE, FILE_POSITION } from '../abi/file';
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
  RQ_CHANNEL,
  RQ_DEADLINE,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_POSITIONED,
  RQ_RIGHTS,
  RQ_STARTED,
} from '../fs/requests';
import { finish } from '../fs/syscalls';
import { gate, gate_handle, gate_special } from '../lib/host';
import { accepted, is_transfer, plausible } from './answer';
import { cleaned, endpoint_die } from './death';
import { died_over } from './held';
import { dequeue, enqueue } from './queue';
import { trace_done, trace_request, trace_start } from './trace';
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
  UP,
} from './endpoint';

/** @returns the driver's status, or PARKED where it is busy */
export function gate_submit(ep: usize, channel: i32, request: i32): i32 {
  if (load<u32>(ep, EP_BUSY) | load<u32>(ep, EP_HEAD)) {
    enqueue(ep, request); // behind those that have waited longer
    return PARKED;
  }
  const status = run(ep, channel, request);
  ring_for_others(ep);
  return status;
}

/** Whoever waits is not run here: what the next one traps with would take the answer of this one along. */
// @ts-ignore: decorator
@inline
function ring_for_others(ep: usize): void {
  if (!load<u32>(ep, EP_HEAD)) return;
  atomic.add<u32>(MACHINE_BASE, 1, M_DOORBELL);
  atomic.notify(MACHINE_BASE + M_DOORBELL, -1);
}

/** Whether a driver on this thread waits for a request. */
// @ts-ignore: decorator
@inline
export function gate_idle(ep: usize): bool {
  return (
    load<u32>(ep, EP_TRANSPORT) == TRANSPORT_GATE &&
    load<u32>(ep) == UP &&
    !(load<u32>(ep, EP_BUSY) | load<u32>(ep, EP_HEAD))
  );
}

/**
 * A read or write of an idle driver: what is asked most, so that nothing is on its way that other requests need.
 * @returns as endpoint_submit
 */
// @ts-ignore: decorator
@inline
export function gate_transfer(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  const generation = load<u32>(ep, EP_GENERATION);
  const started = trace_start();
  store<u32>(record, channel, RQ_CHANNEL);
  store<f64>(record, 0, RQ_DEADLINE);
  store<u64>(record, started, RQ_STARTED);
  occupy(ep, channel, request);
  const status = gate((request << GATE_BITS) | channel);
  const same = load<u32>(ep, EP_GENERATION) == generation && load<u32>(ep) == UP;
  if (!same || !plausible(status, load<i32>(record, RQ_LENGTH), position))
    return went_wrong(ep, channel, request, generation, status);
  if (!load<u32>(record, RQ_POSITIONED))
    store<i64>(<usize>load<u32>(record, RQ_FILE), position, FILE_POSITION);
  vacate(ep, channel);
  ring_for_others(ep);
  store<u64>(record, 0, RQ_STARTED);
  trace_request(request, channel, generation, started, status);
  return status;
}

/** A read or write did not come back as it should: it ends as any other request. */
function went_wrong(ep: usize, channel: i32, request: i32, generation: u32, status: i32): i32 {
  const result = came_back(ep, channel, request, generation, status);
  ring_for_others(ep);
  if (result != PARKED) trace_done(request, result);
  return result;
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
  trace_done(request, -EIO);
  if (request >= FIRST_ENTRY) entry_dropped(request);
  if (client >= 0) store<i32>(MACHINE_BASE, client + 1, M_CALL_CLIENT);
  else if (request < FIRST_REOPEN) finish(request, -EIO);
}

/** Position of the file that was served last. */
let position: i64 = 0;

/** @returns the driver's status; PARKED where it died over the request, which waits for its successor */
function run(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  const operation = load<i32>(record, RQ_OPERATION);
  const generation = load<u32>(ep, EP_GENERATION);
  occupy(ep, channel, request);
  const devices = operation <= OP_IOCTL || operation == OP_REOPEN;
  const status = devices ? gate((request << GATE_BITS) | channel) : special(channel, operation, record);
  return came_back(ep, channel, request, generation, status);
}

// @ts-ignore: decorator
@inline
function occupy(ep: usize, channel: i32, request: i32): void {
  const record = request_at(request);
  const ch = channel_at(channel);
  store<u32>(ch, load<u32>(record, RQ_BUFFER), Q_GRANT_ADDRESS);
  store<u32>(ch, load<u32>(record, RQ_LENGTH), Q_GRANT_LENGTH);
  store<u32>(ch, load<u32>(record, RQ_RIGHTS), Q_GRANT_RIGHTS);
  store<u32>(ep, request + 1, EP_BUSY);
}

/** The grant ends with the request. */
// @ts-ignore: decorator
@inline
function vacate(ep: usize, channel: i32): void {
  store<u32>(channel_at(channel), 0, Q_GRANT_RIGHTS);
  store<u32>(ep, 0, EP_BUSY);
}

/** @param status what came of a request that was run while the driver was of `generation` */
function came_back(ep: usize, channel: i32, request: i32, generation: u32, status: i32): i32 {
  const operation = load<i32>(request_at(request), RQ_OPERATION);
  // It may have been given up, and even replaced, while it called the kernel.
  if (load<u32>(ep, EP_GENERATION) != generation) return died_over(request, EIO);
  vacate(ep, channel);
  if (!endpoint_up(channel)) return died_over(request, EIO);
  if (status == GATE_TRAPPED) {
    endpoint_die(channel, EIO, EIO);
    return died_over(request, EIO);
  }
  const opens = operation == OP_OPEN || operation == OP_REOPEN;
  if (!accepted(channel, request, status, position, opens ? gate_handle(channel) : 0))
    return died_over(request, EIO);
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
  const record = request_at(ticket >> GATE_BITS);
  const file = <usize>load<u32>(record, RQ_FILE);
  const from = place_of(record, file);
  const serve = load<u32>(endpoint_at(ticket & (MAX_CHANNELS - 1)), EP_SERVE);
  const handle = load<u32>(file, FILE_HANDLE);
  const operation = load<i32>(record, RQ_OPERATION);
  const served = is_transfer(operation)
    ? call_indirect<i64>(
        serve,
        operation,
        handle,
        0,
        from,
        load<i32>(record, RQ_BUFFER),
        load<i32>(record, RQ_LENGTH),
      )
    : call_indirect<i64>(
        serve,
        operation == OP_REOPEN ? OP_OPEN : operation,
        handle,
        file_device(file),
        from,
        load<i32>(record, RQ_ARGUMENT0),
        load<i32>(record, RQ_ARGUMENT1),
      );
  position = from + (served >> 32);
  return <i32>served;
}
