// The loop of the kernel's thread. It handles system calls, replies, calls by drivers, lines for the log and deadlines, as they
// come. It can be driven in two ways:
//
//   await_call   by the in-thread client: runs the loop until its own request is done; gate_wait does so for a driver
//                on this thread that has called another
//   poll, sleep_begin, heard_bell, wait_time, sleep_end   by the host's event loop
//
// Every event but a reply rings the doorbell; a reply is polled for while the thread is awake and rings when it sleeps.

import { MACHINE_BASE, MAILBOX_BASE, MAX_CLIENTS } from '../abi/map';
import {
  M_CALL_CLIENT,
  M_CORES,
  M_DEADLINE,
  M_DOORBELL,
  M_HEARD,
  M_MAIL_ACK,
  M_MAIL_SEQUENCE,
  M_PING,
  M_PONG,
  M_SLEEPING,
} from '../abi/machine';
import { LEAST_SPINS, MAX_CHANNELS, SHORT_SLEEP_MS, SPIN_STRIDE, SPINS } from '../abi/limits';
import { TRANSPORT_SPIN, TRANSPORT_WAIT } from '../abi/channel';
import { LOG_TEXT_MAX } from '../abi/log';
import { CL_CALL, CL_PENDING, CL_RESULT, client_at, PARKED } from '../fs/clients';
import { request_at, RQ_CHANNEL } from '../fs/requests';
import { serve_client } from './clients';
import { serve_call } from './calls';
import { endpoint_check_exit } from './death';
import { endpoint_at, endpoints_dying, endpoints_in_use, EP_TRANSPORT } from './endpoint';
import { endpoint_deadline } from './deadline';
import { doorbell_rung } from './fastpath-ring';
import { set_log_owner } from './driver-log';
import { held_deadline, client_is_held } from './held';
import { endpoint_adopt } from './incarnation';
import { endpoint_reply } from './reply';
import { endpoint_answered } from './ring';
import { gate_drain } from './sandbox';
import { trace_clock, trace_stale } from './trace';
import { now, wait } from '../lib/host';
import { log_write } from '../lib/log';
import { run_timers } from '../lib/timer';

/** Polls between two checks of the deadlines while there is always something to do. */
const DEADLINE_STRIDE: u32 = 256;
const FOREVER: f64 = 1e9;
/** Spins after which the trace's clock is stale: some 2 µs. A multiple of SPIN_STRIDE. */
const TRACE_SPINS = 1024;

let polls: u32 = 0;
/** Looks for a reply before this thread sleeps; adapts. */
let spin_limit: i32 = SPINS;

/** Handles all events that are there. @returns how many there were */
export function poll(): i32 {
  const bell = atomic.load<i32>(MACHINE_BASE, M_DOORBELL);
  let work = 0;
  trace_stale();
  if (bell != heard_bell() || endpoints_dying()) work = poll_rung(bell);
  for (let left = endpoints_in_use(); left; left &= left - 1) {
    const channel = <i32>ctz(left);
    while (endpoint_answered(channel)) {
      endpoint_reply(channel);
      work++;
    }
  }
  if (++polls % DEADLINE_STRIDE == 0) wait_time();
  return work;
}

/** Handles the events that ring the doorbell: all but replies, which every poll looks for. */
function poll_rung(bell: i32): i32 {
  let work = 0;
  store<i32>(MACHINE_BASE, bell, M_HEARD);
  atomic.store<u32>(MACHINE_BASE, atomic.load<u32>(MACHINE_BASE, M_PING), M_PONG);
  if (take_mail()) work++;
  for (let channel = 0; channel < MAX_CHANNELS; channel++) {
    endpoint_check_exit(channel);
    endpoint_adopt(channel);
  }
  for (let left = endpoints_in_use(); left; left &= left - 1) {
    const channel = <i32>ctz(left);
    if (serve_call(channel)) work++;
    gate_drain(channel);
  }
  // Each time another client comes first.
  for (let i = 1; i < MAX_CLIENTS; i++) if (serve_client(1 + ((i + bell) % (MAX_CLIENTS - 1)))) work++;
  return work;
}

/** Logs a line of the supervisor's from the mailbox: u32 level, u32 length, text. */
function take_mail(): bool {
  const sequence = atomic.load<u32>(MACHINE_BASE, M_MAIL_SEQUENCE);
  if (sequence == load<u32>(MACHINE_BASE, M_MAIL_ACK)) return false;
  const length = load<i32>(MAILBOX_BASE, 4);
  log_write(
    load<i32>(MAILBOX_BASE),
    MAILBOX_BASE + 8,
    length < 0 || length > LOG_TEXT_MAX ? LOG_TEXT_MAX : length,
  );
  atomic.store<u32>(MACHINE_BASE, sequence, M_MAIL_ACK);
  atomic.notify(MACHINE_BASE + M_MAIL_ACK, 1);
  return true;
}

/** Ends requests past their deadlines and runs timers. @returns ms until the next deadline or timer, FOREVER where there is none */
export function wait_time(): f64 {
  const time = now();
  trace_clock(time);
  // A sixteenth is left for the way back, so that the caller has its answer when the deadline ends.
  const deadline = load<u32>(MACHINE_BASE, M_DEADLINE);
  const limit = <f64>(deadline - (deadline >> 4));
  let least = min(FOREVER, run_timers());
  for (let channel = 0; channel < MAX_CHANNELS; channel++) {
    const left = endpoint_deadline(channel, time, limit);
    if (left >= 0 && left < least) least = left;
  }
  const left = held_deadline(time, limit);
  return left >= 0 ? min(least, left) : least;
}

/** Says that this thread is about to sleep, then polls once more. @returns whether it may sleep, on the count of `heard_bell` */
export function sleep_begin(): bool {
  atomic.store<u32>(MACHINE_BASE, 1, M_SLEEPING);
  if (!poll()) return true;
  atomic.store<u32>(MACHINE_BASE, 0, M_SLEEPING);
  return false;
}

/** The doorbell's count before the last poll. */
export function heard_bell(): i32 {
  return load<i32>(MACHINE_BASE, M_HEARD);
}

export function sleep_end(): void {
  trace_stale();
  atomic.store<u32>(MACHINE_BASE, 0, M_SLEEPING);
}

/**
 * Runs the loop until the in-thread client's parked system call is done.
 * @returns its result, or PARKED where its request is held for a successor, whose load needs this thread
 */
export function await_call(client: i32, number: i32): i32 {
  store<u32>(client_at(client), number, CL_CALL);
  return await_done(client);
}

/** Runs the loop until the parked call of another driver's symbol by a driver on this thread is done. @returns its status */
export function gate_wait(channel: i32): i32 {
  // A trap meanwhile is neither that client's nor this driver's.
  const client = load<u32>(MACHINE_BASE, M_CALL_CLIENT);
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  const before = set_log_owner(0);
  const status = await_done(MAX_CLIENTS + channel);
  set_log_owner(before);
  store<u32>(MACHINE_BASE, client, M_CALL_CLIENT);
  return status;
}

function await_done(client: i32): i32 {
  const record = client_at(client);
  let spins = 0;
  if (doorbell_rung()) poll();
  while (load<u32>(record, CL_CALL)) {
    if (client_is_held(client)) return PARKED;
    const channel = <i32>load<u32>(request_at(client), RQ_CHANNEL);
    if (endpoint_answered(channel, SPIN_STRIDE)) {
      endpoint_reply(channel);
      continue;
    }
    spins += SPIN_STRIDE;
    if (!(spins & (TRACE_SPINS - 1))) trace_stale();
    if (doorbell_rung() || load<u32>(record, CL_PENDING)) poll();
    const transport = load<u32>(endpoint_at(channel), EP_TRANSPORT);
    if (transport != TRANSPORT_WAIT && spins < spin_limit) continue;
    spins = 0;
    if (transport == TRANSPORT_SPIN) wait_time();
    else sleep(record);
  }
  return load<i32>(record, CL_RESULT);
}

/** Sleeps until there is something to do. How long that was decides how long the next wait spins. */
function sleep(record: usize): void {
  if (!sleep_begin()) return;
  const left = wait_time();
  // wait_time may have run the loop, which has cleared M_SLEEPING: an answer does not ring then.
  if (load<u32>(record, CL_CALL) && load<u32>(MACHINE_BASE, M_SLEEPING)) {
    const before = now();
    wait(MACHINE_BASE + M_DOORBELL, heard_bell(), left);
    spin_limit =
      now() - before < SHORT_SLEEP_MS ? min(spin_limit << 1, SPINS) : max(spin_limit >> 1, LEAST_SPINS);
    if (load<u32>(MACHINE_BASE, M_CORES) == 1) spin_limit = 0;
  }
  sleep_end();
  poll();
}
