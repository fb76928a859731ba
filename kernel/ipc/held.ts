// Requests that wait for the successor of a driver: reads and writes of a device that declares itself idempotent, when its
// driver died over them or before them, seeks before them; and whatever is asked of a driver that is being replaced. The successor registers the
// device again; when it is live, files that were open on the device are opened there, one after the other, then what waits
// is sent in its old order. Nobody waits beyond the deadline, or once the supervisor has given the driver up.

import { HANG_DEATHS, MAX_DEVICES, MOST_DEATHS } from '../abi/limits';
import {
  DEV_ENDPOINT,
  DEV_FLAGS,
  DEV_MAJOR,
  DEVICE_BITS,
  DEVICE_IDEMPOTENT,
  DEVICE_KEPT,
  ENDPOINT_NONE,
  FILE_DEVICE,
  FILE_MINOR,
} from '../abi/file';
import { MOD_STATE, MODULE_LIVE } from '../abi/module';
import { OP_READ, OP_REOPEN, OP_WRITE } from '../abi/operation';
import { EIO, ETIMEDOUT } from '../abi/errno';
import { PARKED } from '../fs/clients';
import { device_at, device_let_go } from '../fs/devices';
import { file_current, file_reopened, file_to_reopen } from '../fs/files';
import {
  entry_client,
  FIRST_ENTRY,
  FIRST_REOPEN,
  request_at,
  request_fill,
  RQ_DEADLINE,
  RQ_DEATHS,
  RQ_FILE,
  RQ_NEXT,
  RQ_OPERATION,
} from '../fs/requests';
import { device_kept } from '../fs/successor';
import { finish } from '../fs/syscalls';
import { endpoint_module, endpoint_submit, endpoint_up } from './endpoint';
import { trace_done } from './trace';

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

function device_of(request: i32): usize {
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
 * @returns PARKED where it waits for one, or is asked of one; else what it has come to
 */
export function asked_again(request: i32, sent: bool, error: i32): i32 {
  trace_done(request, -error); // as far as the dead one goes
  if (!may_wait(request, sent)) return -error;
  const dev = device_of(request);
  if (device_kept(dev)) {
    hold(request);
    return PARKED;
  }
  // A copy of the dead one's took so long that its successor serves already.
  return ask_successor(request, dev);
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

function ask_successor(request: i32, dev: usize): i32 {
  const endpoint = load<u32>(dev, DEV_ENDPOINT);
  const current = file_current(<usize>load<u32>(request_at(request), RQ_FILE));
  return current && endpoint && endpoint != ENDPOINT_NONE ? endpoint_submit(request, endpoint - 1) : -EIO;
}

/** Takes the first request that waits for a device. @returns request, or -1 */
function take(dev: usize): i32 {
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

function unlink(at: u32, before: u32): void {
  const behind = load<u32>(request_at(at - 1), RQ_NEXT);
  if (before) store<u32>(request_at(before - 1), behind, RQ_NEXT);
  else head = behind;
  if (!behind) tail = before;
}

/** What waits for a device is sent to the driver that has it now, or ends. */
export function held_resume(dev: usize): void {
  device_let_go(dev);
  // Each but once: a driver that dies over one has it wait again.
  for (let last = tail, request = take(dev); request >= 0; request = take(dev)) {
    const status = ask_successor(request, dev);
    if (status != PARKED) finish(request, status);
    if (<u32>request + 1 == last || device_kept(dev)) return;
  }
}

/** The endpoint serves: what waits for its devices is sent. */
export function held_release(channel: i32): void {
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = device_at(i);
    if (load<u32>(dev, DEV_MAJOR) && load<u32>(dev, DEV_ENDPOINT) == channel + 1) held_resume(dev);
  }
}

/** A driver is live: it takes over what its predecessor left. */
export function held_revive(channel: i32): void {
  const request = FIRST_REOPEN + channel;
  for (let file = file_to_reopen(channel + 1); file; file = file_to_reopen(channel + 1)) {
    request_fill(request, OP_REOPEN, file, load<u32>(file, FILE_MINOR), 0, 0);
    const status = endpoint_submit(request, channel);
    if (status == PARKED || !endpoint_up(channel)) return;
    file_reopened(file, status);
  }
  held_release(channel);
}

/** A successor has answered the open of a file. One that died over it, or is replaced itself, leaves the file to the next. */
export function reopened(channel: i32, status: i32): void {
  const mod = endpoint_module(channel);
  if (!endpoint_up(channel) || !mod || load<u32>(mod, MOD_STATE) != MODULE_LIVE) return;
  file_reopened(<usize>load<u32>(request_at(FIRST_REOPEN + channel), RQ_FILE), status);
  held_revive(channel);
}

/** The driver that died on `channel` has been given up: what waits for a successor of it waits no longer. */
export function held_forsake(channel: i32): void {
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = device_at(i);
    const dead = load<u32>(dev, DEV_ENDPOINT) == ENDPOINT_NONE;
    if (dead && device_kept(dev) && load<u32>(dev, DEV_FLAGS) >> DEVICE_BITS == channel + 1) held_resume(dev);
  }
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
      finish(at - 1, -ETIMEDOUT);
    } else {
      if (deadline) least = min(least, deadline - time);
      before = at;
    }
    at = behind;
  }
  return head ? least : -1;
}
