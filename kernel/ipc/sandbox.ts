// A driver on the kernel's thread (gate.ts) is idle, or busy with a request, with its timers or with its load. Requests that come
// while it is busy wait in its queue, and are run from here when it is idle again.

import { TRANSPORT_GATE } from '../abi/channel';
import { M_CALL_CLIENT } from '../abi/machine';
import { MACHINE_BASE } from '../abi/map';
import { EIO } from '../abi/errno';
import { entry_dropped } from '../fs/batch';
import { PARKED } from '../fs/clients';
import { finish } from '../fs/finish';
import { FIRST_ENTRY, FIRST_REOPEN, request_client } from '../fs/requests';
import { endpoint_at, endpoint_up, EP_BUSY, EP_SERVE, EP_TRANSPORT, BUSY_NO_REQUEST } from './endpoint';
import { dequeue } from './queue';
import { endpoint_run } from './submit';
import { trace_done } from './trace';

/** Marks a driver on this thread idle after its load. @param slot of its domain's serve_ring */
export function gate_open(channel: i32, slot: u32): void {
  store<u32>(endpoint_at(channel), slot, EP_SERVE);
  gate_release(channel);
}

/** Marks a driver busy whose timers are about to run. @returns false where it is busy already */
export function gate_claim(channel: i32): bool {
  const ep = endpoint_at(channel);
  if (!endpoint_up(channel) || load<u32>(ep, EP_BUSY)) return false;
  store<u32>(ep, BUSY_NO_REQUEST, EP_BUSY);
  return true;
}

export function gate_release(channel: i32): void {
  store<u32>(endpoint_at(channel), 0, EP_BUSY);
  gate_drain(channel);
}

/** Runs the requests that came while a driver on this thread was busy. */
export function gate_drain(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep, EP_TRANSPORT) != TRANSPORT_GATE) return;
  while (endpoint_up(channel) && !load<u32>(ep, EP_BUSY)) {
    const request = dequeue(ep);
    if (request < 0) return;
    const client = load<u32>(MACHINE_BASE, M_CALL_CLIENT);
    store<i32>(MACHINE_BASE, request_client(request) + 1, M_CALL_CLIENT);
    const status = endpoint_run(ep, channel, request);
    store<u32>(MACHINE_BASE, client, M_CALL_CLIENT);
    if (status != PARKED) finish(request, status);
  }
}

/**
 * The kernel has trapped in a call by the driver, which was unwound in the middle of a request. Where the request is a client's,
 * that client is ended; where it is a driver's, that driver gets an error. A file that was being reopened stays for the next
 * successor.
 */
export function gate_unwound(channel: i32): void {
  const request = load<i32>(endpoint_at(channel), EP_BUSY) - 1;
  if (request < 0) return; // it was being loaded, or ran its timers
  const client = request_client(request);
  trace_done(request, -EIO);
  if (request >= FIRST_ENTRY) entry_dropped(request);
  if (client >= 0) store<i32>(MACHINE_BASE, client + 1, M_CALL_CLIENT);
  else if (request < FIRST_REOPEN) finish(request, -EIO);
}
