// Requests that wait for the successor of a driver: reads and writes of a device that declares itself idempotent, when its
// driver died over them or before them, seeks before them; and whatever is asked of a driver that is being replaced. The successor registers the
// device again; when it is live, files that were open on the device are opened there, one after the other, then what waits
// is sent in its old order (submit.ts). Nobody waits beyond the deadline, or once the supervisor has given the driver up.

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

/** Beside PARKED, what no status is: the request is to be asked of the driver that has its device now (submit.ts). */
export const ASK_SUCCESSOR = -0x7ffffffe;

let head: u32 = 0; // request + 1
let tail: u32 = 0;

/** Puts a request at the end of those that wait. */
export function hold(request: i32): void {
  const record = request_at(request);
  store<u32>(record, 0, RQ_NEXT);
  store<f64>(record, 0, RQ_DEADLINE);
  if (tail) store<u32>(request_at(tail - 1), request + 1, RQ_NEXT);
  else head = request + 1;
  tail = request + 1;
}

/** Whether something waits for a successor that a client has asked, or a driver (its request). */
// @ts-ignore: decorator
@inline
export function waits_held(client: i32): bool {
  for (let at = head; at; at = load<u32>(request_at(at - 1), RQ_NEXT)) {
    const request = <i32>at - 1;
    if (request == client || (request >= FIRST_ENTRY && entry_client(request) == client)) return true;
  }
  return false;
}

export function device_of(request: i32): usize {
  return <usize>load<u32>(<usize>load<u32>(request_at(request), RQ_FILE), FILE_DEVICE);
}

/** Whether a request may be done by a successor. @param sent whether its driver may have done it */
function may_wait(request: i32, sent: bool): bool {
  const record = request_at(request);
  if (!load<u32>(record, RQ_FILE)) return false;
  const flags = load<u32>(device_of(request), DEV_FLAGS);
  if (!sent) return (flags & DEVICE_KEPT) != 0;
  const operation = load<u32>(record, RQ_OPERATION);
  return (flags & DEVICE_IDEMPOTENT) != 0 && (operation == OP_READ || operation == OP_WRITE);
}

/**
 * The driver of a request has died.
 * @param sent whether it had been sent
 * @param error errno where it cannot be done by a successor
 * @returns PARKED where it waits for one, ASK_SUCCESSOR where one serves, else what it has come to
 */
export function asked_again(request: i32, sent: bool, error: i32): i32 {
  trace_done(request, -error); // as far as the dead one goes
  if (!may_wait(request, sent)) return -error;
  // Its device is not kept where a copy of the dead one's took so long that its successor serves already.
  if (!device_kept(device_of(request))) return ASK_SUCCESSOR;
  hold(request);
  return PARKED;
}

/** The same of the request that the driver was at, and may have died of: too many have not got any further with it. */
export function died_over(request: i32, error: i32): i32 {
  const record = request_at(request);
  const deaths = load<u32>(record, RQ_DEATHS) + (error == ETIMEDOUT ? HANG_DEATHS : 1);
  store<u32>(record, deaths, RQ_DEATHS);
  if (deaths < <u32>MOST_DEATHS) return asked_again(request, true, error);
  trace_done(request, -error);
  return -error;
}

/** Takes the first request that waits for a device. @returns request, or -1 */
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

/** The request that waits last, or -1. */
export function held_last(): i32 {
  return <i32>tail - 1;
}

function unlink(at: u32, before: u32): void {
  const behind = load<u32>(request_at(at - 1), RQ_NEXT);
  if (before) store<u32>(request_at(before - 1), behind, RQ_NEXT);
  else head = behind;
  if (!behind) tail = before;
}

/** Ends what has waited too long. @returns ms that are left for the others */
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
