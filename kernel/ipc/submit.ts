// A request goes to a driver: into its ring, into its domain where it is on this thread and idle, else into its queue. When the
// driver has died or has been replaced, what was asked of it goes to its successor. All of it is one piece, since a
// driver on this thread that is asked something can die, or refuse to go, before that returns.

import { TRANSPORT_GATE } from '../abi/channel';
import { DEV_ENDPOINT, DEV_MAJOR, ENDPOINT_NONE, FILE_MINOR } from '../abi/file';
import { MAX_DEVICES } from '../abi/limits';
import { MOD_STATE, MODULE_LIVE } from '../abi/module';
import { EIO } from '../abi/errno';
import { OP_CLEANUP, OP_REOPEN } from '../abi/operation';
import { PARKED } from '../fs/clients';
import { device_at, device_let_go } from '../fs/devices';
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
  EP_KEEP,
  EP_LEAVING,
  EP_TRANSPORT,
  QUIESCING,
  set_state,
  UP,
} from './endpoint';
import { gate_run, ring_for_others } from './gate';
import { ASK_SUCCESSOR, device_of, held_last, held_take, hold } from './held';
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
  store<u64>(record, trace_start(), RQ_STARTED); // while the driver is at work
  return PARKED;
}

/** Sends the cleanup of a driver that is replaced: whatever is asked of it afterwards is held for its successor. */
export function endpoint_replace(request: i32, channel: i32): i32 {
  const ep = endpoint_at(channel);
  store<u32>(ep, 1, EP_KEEP);
  const status = endpoint_submit(request, channel);
  if (status == PARKED && load<u32>(ep) == UP) set_state(channel, QUIESCING);
  return status;
}

/** @returns the driver's status, or PARKED where it is busy */
function gate_submit(ep: usize, channel: i32, request: i32): i32 {
  if (load<u32>(ep, EP_BUSY) | load<u32>(ep, EP_HEAD)) {
    enqueue(ep, request); // behind those that have waited longer
    return PARKED;
  }
  const status = endpoint_run(ep, channel, request);
  ring_for_others(ep);
  return status;
}

/** Has an idle driver on this thread do a request. @returns its status, or PARKED where a successor is awaited or asked */
export function endpoint_run(ep: usize, channel: i32, request: i32): i32 {
  const operation = load<i32>(request_at(request), RQ_OPERATION);
  const generation = load<u32>(ep, EP_GENERATION);
  const status = gate_run(ep, channel, request);
  if (operation != OP_CLEANUP) return asked(request, status);
  if (load<u32>(ep, EP_GENERATION) == generation && endpoint_up(channel)) cleaned(channel, status);
  return status;
}

/** A driver has run its cleanup, or refuses to go: then it is live again, and what was held for its successor is its own. */
export function cleaned(channel: i32, status: i32): void {
  if (status >= 0) return endpoint_retire(channel);
  const ep = endpoint_at(channel);
  store<u32>(endpoint_module(channel), MODULE_LIVE, MOD_STATE);
  store<u32>(ep, 0, EP_KEEP);
  store<u32>(ep, 0, EP_LEAVING);
  set_state(channel, UP);
  endpoint_send_next(channel);
  held_revive(channel);
}

/** @returns `status`, or what it comes to where the request is to be asked of a successor */
export function asked(request: i32, status: i32): i32 {
  return status == ASK_SUCCESSOR ? ask_successor(request, device_of(request)) : status;
}

function ask_successor(request: i32, dev: usize): i32 {
  const endpoint = load<u32>(dev, DEV_ENDPOINT);
  const current = file_current(<usize>load<u32>(request_at(request), RQ_FILE));
  return current && endpoint && endpoint != ENDPOINT_NONE ? endpoint_submit(request, endpoint - 1) : -EIO;
}

/** What waits for a device is sent to the driver that has it now, or ends. */
export function held_resume(dev: usize): void {
  device_let_go(dev);
  // Each but once: a driver that dies over one has it wait again.
  for (let last = held_last(), request = held_take(dev); request >= 0; request = held_take(dev)) {
    end_request(request, ask_successor(request, dev));
    if (request == last || device_kept(dev)) return;
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
