// Sends a request to a driver: into its ring, into its domain where it is idle on this thread, else into its queue. When the driver
// has died or was replaced its requests go to its successor. These are in one file because they are mutually recursive: a driver on
// this thread may die, or refuse to be unloaded, before the call that sends it a request returns.

import { TRANSPORT_GATE } from '../abi/channel';
import { DEV_ENDPOINT, DEV_MAJOR, ENDPOINT_NONE, FILE_MINOR } from '../abi/file';
import { MAX_DEVICES } from '../abi/limits';
import { MOD_STATE, MODULE_LIVE } from '../abi/module';
import { EIO } from '../abi/errno';
import { OP_CLEANUP, OP_REOPEN } from '../abi/operation';
import { PARKED } from '../fs/clients';
import { device_at, device_clear_kept } from '../fs/devices';
import { file_current, file_reopened, file_to_reopen } from '../fs/files';
import {
  FIRST_REOPEN,
  request_at,
  request_fill,
  RQ_CHANNEL,
  RQ_DEADLINE,
  RQ_FILE,
  RQ_OPERATION,
  RQ_STARTED,
} from '../fs/requests';
import { device_kept } from '../fs/successor';
import { endpoint_retire } from './death';
import { end_request } from './end-request';
import {
  endpoint_at,
  endpoint_module,
  endpoint_up,
  EP_BUSY,
  EP_GENERATION,
  EP_HEAD,
  EP_REPLACED,
  EP_CLEANING,
  EP_TRANSPORT,
  QUIESCING,
  set_state,
  UP,
} from './endpoint';
import { gate_run, ring_if_queued } from './gate';
import { TO_SUCCESSOR, device_of, held_last, held_take, hold } from './held';
import { enqueue } from './queue';
import { endpoint_send_next, send } from './ring';
import { trace_done, trace_start } from './trace';

/**
 * Sends a request that has been filled, or queues it.
 * @returns PARKED; -EIO when the endpoint is dead; the driver's status where it is on this thread and idle
 */
export function endpoint_submit(request: i32, channel: i32): i32 {
  const ep = endpoint_at(channel);
  const record = request_at(request);
  store<u32>(record, channel, RQ_CHANNEL);
  if (load<u32>(ep) != UP) {
    if (load<u32>(ep) != QUIESCING || !load<u32>(record, RQ_FILE)) return -EIO;
    hold(request);
    return PARKED;
  }
  store<f64>(record, 0, RQ_DEADLINE);
  if (load<u32>(ep, EP_TRANSPORT) == TRANSPORT_GATE) {
    store<u64>(record, trace_start(), RQ_STARTED);
    const status = gate_submit(ep, channel, request);
    if (status != PARKED) trace_done(request, status);
    return status;
  }
  if (load<u32>(ep, EP_HEAD) || !send(ep, channel, request)) enqueue(ep, request);
  store<u64>(record, trace_start(), RQ_STARTED); // while the driver works
  return PARKED;
}

/** Sends the cleanup to a driver that is being replaced. Later requests are held for its successor. */
export function endpoint_replace(request: i32, channel: i32): i32 {
  const ep = endpoint_at(channel);
  store<u32>(ep, 1, EP_REPLACED);
  const status = endpoint_submit(request, channel);
  if (status == PARKED && load<u32>(ep) == UP) set_state(channel, QUIESCING);
  return status;
}

/** @returns the driver's status, or PARKED where it is busy */
function gate_submit(ep: usize, channel: i32, request: i32): i32 {
  if (load<u32>(ep, EP_BUSY) | load<u32>(ep, EP_HEAD)) {
    enqueue(ep, request); // after those before it
    return PARKED;
  }
  const status = endpoint_run(ep, channel, request);
  ring_if_queued(ep);
  return status;
}

/** Runs a request in an idle driver on this thread. @returns its status, or PARKED where it is held, or sent to a successor */
export function endpoint_run(ep: usize, channel: i32, request: i32): i32 {
  const operation = load<i32>(request_at(request), RQ_OPERATION);
  const generation = load<u32>(ep, EP_GENERATION);
  const status = gate_run(ep, channel, request);
  if (operation != OP_CLEANUP) return redirect(request, status);
  if (load<u32>(ep, EP_GENERATION) == generation && endpoint_up(channel)) cleanup_done(channel, status);
  return status;
}

/** A driver has run its cleanup. Where it refuses to be unloaded it is live again, and gets the requests that were held. */
export function cleanup_done(channel: i32, status: i32): void {
  if (status >= 0) return endpoint_retire(channel);
  const ep = endpoint_at(channel);
  store<u32>(endpoint_module(channel), MODULE_LIVE, MOD_STATE);
  store<u32>(ep, 0, EP_REPLACED);
  store<u32>(ep, 0, EP_CLEANING);
  set_state(channel, UP);
  endpoint_send_next(channel);
  endpoint_take_over(channel);
}

/** Sends a request to the successor where `status` is TO_SUCCESSOR. @returns its status then, else `status` */
export function redirect(request: i32, status: i32): i32 {
  return status == TO_SUCCESSOR ? submit_to_successor(request, device_of(request)) : status;
}

function submit_to_successor(request: i32, dev: usize): i32 {
  const endpoint = load<u32>(dev, DEV_ENDPOINT);
  const current = file_current(<usize>load<u32>(request_at(request), RQ_FILE));
  return current && endpoint && endpoint != ENDPOINT_NONE ? endpoint_submit(request, endpoint - 1) : -EIO;
}

/** Sends the held requests of a device to the driver that has it now, or ends them. */
export function held_resume(dev: usize): void {
  device_clear_kept(dev);
  // Each only once: a request during which the driver dies is held again.
  for (let last = held_last(), request = held_take(dev); request >= 0; request = held_take(dev)) {
    end_request(request, submit_to_successor(request, dev));
    if (request == last || device_kept(dev)) return;
  }
}

/** Sends the held requests of an endpoint's devices. */
export function held_release(channel: i32): void {
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = device_at(i);
    if (load<u32>(dev, DEV_MAJOR) && load<u32>(dev, DEV_ENDPOINT) == channel + 1) held_resume(dev);
  }
}

/** A driver is live: reopens its predecessor's files there, then sends the held requests. */
export function endpoint_take_over(channel: i32): void {
  const request = FIRST_REOPEN + channel;
  for (let file = file_to_reopen(channel + 1); file; file = file_to_reopen(channel + 1)) {
    request_fill(request, OP_REOPEN, file, load<u32>(file, FILE_MINOR), 0, 0);
    const status = endpoint_submit(request, channel);
    if (status == PARKED || !endpoint_up(channel)) return;
    file_reopened(file, status);
  }
  held_release(channel);
}

/** A successor has answered the open of a file. Where it died in that, or is replaced itself, the next successor opens the file. */
export function reopen_done(channel: i32, status: i32): void {
  const mod = endpoint_module(channel);
  if (!endpoint_up(channel) || !mod || load<u32>(mod, MOD_STATE) != MODULE_LIVE) return;
  file_reopened(<usize>load<u32>(request_at(FIRST_REOPEN + channel), RQ_FILE), status);
  endpoint_take_over(channel);
}
