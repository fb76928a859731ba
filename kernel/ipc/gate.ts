// Drivers on the kernel's thread in a memory of their own (the sandbox). A request goes through a frame of the host, which catches
// the driver's trap, back into wasm (`gate_enter`), and from there into the driver's domain. So the host's frame passes one word
// and looks up no driver. A driver that calls the kernel, which may run its loop meanwhile, is not entered again; requests wait in
// its queue (sandbox.ts).

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
import { M_DOORBELL } from '../abi/machine';
import { MACHINE_BASE } from '../abi/map';
import { EIO } from '../abi/errno';
import { OP_IOCTL, OP_OPEN, OP_REOPEN } from '../abi/operation';
import {
  file_device,
  request_position,
  request_at,
  RQ_ARGUMENT0,
  RQ_ARGUMENT1,
  RQ_BUFFER,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_RIGHTS,
} from '../fs/requests';
import { gate, gate_handle, gate_special } from '../lib/host';
import { accept_answer, is_transfer } from './answer';
import { endpoint_die } from './death';
import {
  channel_at,
  endpoint_at,
  endpoint_up,
  EP_BUSY,
  EP_GENERATION,
  EP_HEAD,
  EP_SERVE,
  EP_TRANSPORT,
  UP,
} from './endpoint';
import { fail_over_current } from './held';

/** Rings the doorbell where requests are queued. They are not run here: a trap of the next would lose the answer of this one. */
// @ts-ignore: decorator
@inline
export function ring_if_queued(ep: usize): void {
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

/** The file's position after the last request. */
export let gate_position: i64 = 0;

/** Runs a request. @returns the driver's status; where it died in the request as fail_over_current */
export function gate_run(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  const operation = load<i32>(record, RQ_OPERATION);
  const generation = load<u32>(ep, EP_GENERATION);
  gate_begin(ep, channel, request);
  const devices = operation <= OP_IOCTL || operation == OP_REOPEN;
  const status = devices ? gate((request << GATE_BITS) | channel) : special(channel, operation, record);
  return gate_finish(ep, channel, request, generation, status);
}

/** Grants the request's range and marks the driver busy. */
// @ts-ignore: decorator
@inline
export function gate_begin(ep: usize, channel: i32, request: i32): void {
  const record = request_at(request);
  const ch = channel_at(channel);
  store<u32>(ch, load<u32>(record, RQ_BUFFER), Q_GRANT_ADDRESS);
  store<u32>(ch, load<u32>(record, RQ_LENGTH), Q_GRANT_LENGTH);
  store<u32>(ch, load<u32>(record, RQ_RIGHTS), Q_GRANT_RIGHTS);
  store<u32>(ep, request + 1, EP_BUSY);
}

/** Ends the grant and marks the driver idle. */
// @ts-ignore: decorator
@inline
export function gate_end(ep: usize, channel: i32): void {
  store<u32>(channel_at(channel), 0, Q_GRANT_RIGHTS);
  store<u32>(ep, 0, EP_BUSY);
}

/** Checks the result of a request that the incarnation `generation` has run. @returns as gate_run */
export function gate_finish(ep: usize, channel: i32, request: i32, generation: u32, status: i32): i32 {
  const operation = load<i32>(request_at(request), RQ_OPERATION);
  // The driver may have been given up, and even replaced, while it called the kernel.
  if (load<u32>(ep, EP_GENERATION) != generation) return fail_over_current(request, EIO);
  gate_end(ep, channel);
  if (!endpoint_up(channel)) return fail_over_current(request, EIO);
  if (status == GATE_TRAPPED) {
    endpoint_die(channel, EIO, EIO);
    return fail_over_current(request, EIO);
  }
  const opens = operation == OP_OPEN || operation == OP_REOPEN;
  if (!accept_answer(channel, request, status, gate_position, opens ? gate_handle(channel) : 0))
    return fail_over_current(request, EIO);
  return status;
}

function special(channel: i32, operation: i32, record: usize): i32 {
  gate_position = 0;
  return gate_special(channel, operation, load<i32>(record, RQ_ARGUMENT0), load<i32>(record, RQ_ARGUMENT1));
}

/**
 * Enters the driver's domain, from the host's frame.
 * @param ticket request << GATE_BITS | channel
 * @returns the driver's status
 */
export function gate_enter(ticket: i32): i32 {
  const record = request_at(ticket >> GATE_BITS);
  const file = <usize>load<u32>(record, RQ_FILE);
  const from = request_position(record, file);
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
  gate_position = from + (served >> 32);
  return <i32>served;
}
