// Requests that are held for the successor of a driver: reads and writes of a device that declares itself idempotent, also one
// during which its driver died; seeks that were not sent; and all requests to a driver that is being replaced. The successor
// registers the device again. When it is live the open files are opened there, one after the other, then the held requests are
// sent in their order (submit.ts). A request is held up to its deadline, or until the supervisor gives the driver up.

import { HANG_DEATHS, MOST_DEATHS } from '../abi/limits';
import { DEV_FLAGS, DEVICE_IDEMPOTENT, DEVICE_KEPT, FILE_DEVICE } from '../abi/file';
import { OP_READ, OP_WRITE } from '../abi/operation';
import { ETIMEDOUT } from '../abi/errno';
import { PARKED } from '../fs/clients';
import {
  entry_client,
  FIRST_ENTRY,
  request_at,
  RQ_DEADLINE,
  RQ_DEATHS,
  RQ_FILE,
  RQ_NEXT,
  RQ_OPERATION,
} from '../fs/requests';
import { device_kept } from '../fs/successor';
import { end_request } from './end-request';
import { trace_done } from './trace';

/** Like PARKED no status of a driver: the request is to be sent to the driver that has its device now (submit.ts). */
export const TO_SUCCESSOR = -0x7ffffffe;

let head: u32 = 0; // request + 1
let tail: u32 = 0;

/** Holds a request, after the others. */
export function hold(request: i32): void {
  const record = request_at(request);
  store<u32>(record, 0, RQ_NEXT);
  store<f64>(record, 0, RQ_DEADLINE);
  if (tail) store<u32>(request_at(tail - 1), request + 1, RQ_NEXT);
  else head = request + 1;
  tail = request + 1;
}

/** Whether a request of a client is held, or of a driver that calls another. */
// @ts-ignore: decorator
@inline
export function client_is_held(client: i32): bool {
  for (let at = head; at; at = load<u32>(request_at(at - 1), RQ_NEXT)) {
    const request = <i32>at - 1;
    if (request == client || (request >= FIRST_ENTRY && entry_client(request) == client)) return true;
  }
  return false;
}

export function device_of(request: i32): usize {
  return <usize>load<u32>(<usize>load<u32>(request_at(request), RQ_FILE), FILE_DEVICE);
}

/** Whether a successor may serve a request. @param sent whether the driver may have served it already */
function may_retry(request: i32, sent: bool): bool {
  const record = request_at(request);
  if (!load<u32>(record, RQ_FILE)) return false;
  const flags = load<u32>(device_of(request), DEV_FLAGS);
  if (!sent) return (flags & DEVICE_KEPT) != 0;
  const operation = load<u32>(record, RQ_OPERATION);
  return (flags & DEVICE_IDEMPOTENT) != 0 && (operation == OP_READ || operation == OP_WRITE);
}

/**
 * Holds a request whose driver has died for the successor, or fails it.
 * @param sent whether it had been sent
 * @param error errno where a successor may not serve it
 * @returns PARKED where it is held, TO_SUCCESSOR where the successor serves already, else the negative errno
 */
export function fail_over(request: i32, sent: bool, error: i32): i32 {
  trace_done(request, -error); // the end of the call of the dead driver
  if (!may_retry(request, sent)) return -error;
  // The device is not kept any more where a copy by the dead driver took until its successor served.
  if (!device_kept(device_of(request))) return TO_SUCCESSOR;
  hold(request);
  return PARKED;
}

/** The same for the request that the driver was serving, which may be the cause. After too many deaths it fails. */
export function fail_over_current(request: i32, error: i32): i32 {
  const record = request_at(request);
  const deaths = load<u32>(record, RQ_DEATHS) + (error == ETIMEDOUT ? HANG_DEATHS : 1);
  store<u32>(record, deaths, RQ_DEATHS);
  if (deaths < <u32>MOST_DEATHS) return fail_over(request, true, error);
  trace_done(request, -error);
  return -error;
}

/** Takes the first held request of a device. @returns request, or -1 */
export function held_take(dev: usize): i32 {
  let before: u32 = 0;
  for (let at = head; at; at = load<u32>(request_at(at - 1), RQ_NEXT)) {
    if (device_of(at - 1) == dev) {
      unlink(at, before);
      return at - 1;
    }
    before = at;
  }
  return -1;
}

/** The last held request, or -1. */
export function held_last(): i32 {
  return <i32>tail - 1;
}

function unlink(at: u32, before: u32): void {
  const behind = load<u32>(request_at(at - 1), RQ_NEXT);
  if (before) store<u32>(request_at(before - 1), behind, RQ_NEXT);
  else head = behind;
  if (!behind) tail = before;
}

/** Ends the requests that were held too long. @returns ms until the next of the others is due, -1 where there is none */
export function held_deadline(time: f64, limit: f64): f64 {
  let least = limit;
  let before: u32 = 0;
  for (let at = head; at;) {
    const record = request_at(at - 1);
    const behind = load<u32>(record, RQ_NEXT);
    const deadline = load<f64>(record, RQ_DEADLINE);
    if (!deadline) store<f64>(record, time + limit, RQ_DEADLINE);
    if (deadline && time >= deadline) {
      unlink(at, before);
      end_request(at - 1, -ETIMEDOUT);
    } else {
      if (deadline) least = min(least, deadline - time);
      before = at;
    }
    at = behind;
  }
  return head ? least : -1;
}
