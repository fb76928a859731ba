// The one loop of the kernel's thread: it takes whatever comes next, a system call, a reply, a call by a driver, a line
// for the log, a deadline. It can be driven in two ways:
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
import { CL_CALL, CL_LEFT, CL_RESULT, client_at, PARKED } from '../fs/clients';
import { request_at, RQ_CHANNEL } from '../fs/requests';
import { serve_client } from './clients';
import { serve_call } from './calls';
import { endpoint_exit_notice } from './death';
import { endpoint_at, endpoints_dying, endpoints_in_use, EP_TRANSPORT } from './endpoint';
import { endpoint_deadline } from './deadline';
import { rung } from './fastpath-ring';
import { speak_for } from './driver-log';
import { held_deadline, waits_held } from './held';
import { endpoint_adopt } from './incarnation';
import { endpoint_reply } from './reply';
import { endpoint_answered } from './ring';
import { gate_drain } from './sandbox';
import { trace_clock, trace_stale } from './trace';
import { now, wait } from '../lib/host';
import { log_write } from '../lib/log';
import { run_timers } from '../lib/timer';

/** Polls between two looks at the deadlines while there is always something to do. */
const DEADLINE_STRIDE: u32 = 256;
const FOREVER: f64 = 1e9;
/** Spins after which the trace's clock is no longer true: some 2 µs. A multiple of SPIN_STRIDE. */
const TRACE_SPINS = 1024;

let polls: u32 = 0;
/** Looks for a reply before this thread sleeps; adapts. */
let patience: i32 = SPINS;

/** Takes everything that is there. @returns how many things there were */
export function poll(): i32 {
  const bell = atomic.load<i32>(MACHINE_BASE, M_DOORBELL);
  let work = 0;
  trace_stale();
  if (bell != heard_bell() || endpoints_dying()) work = look(bell);
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

/** Whatever rings: everything but replies, which are looked for at every poll. */
function look(bell: i32): i32 {
  let work = 0;
  store<i32>(MACHINE_BASE, bell, M_HEARD);
  atomic.store<u32>(MACHINE_BASE, atomic.load<u32>(MACHINE_BASE, M_PING), M_PONG);
  if (take_mail()) work++;
  for (let channel = 0; channel < MAX_CHANNELS; channel++) {
    endpoint_exit_notice(channel);
    endpoint_adopt(channel);
  }
  for (let left = endpoints_in_use(); left; left &= left - 1) {
    const channel = <i32>ctz(left);
    if (serve_call(channel)) work++;
    gate_drain(channel);
  }
  // Whoever came first at one look comes last at the next.
  for (let i = 1; i < MAX_CLIENTS; i++) if (serve_client(1 + ((i + bell) % (MAX_CLIENTS - 1)))) work++;
  return work;
}

/** A line that the supervisor wants in the log: u32 level, u32 length, text. */
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

/** Ends what is overdue and runs what is due. @returns ms until the next deadline or timer, FOREVER where there is none */
export function wait_time(): f64 {
  const time = now();
  trace_clock(time);
  // A sixteenth is left for the way back: the caller has its answer when the deadline is over.
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

/** Says that this thread is about to sleep, then looks once more. @returns whether it may, on the doorbell as `heard_bell` has it */
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
 * @returns its result, or PARKED where it waits for the successor of a driver: to be loaded that needs this thread
 */
export function await_call(client: i32, number: i32): i32 {
  store<u32>(client_at(client), number, CL_CALL);
  return await_done(client);
}

/** Runs the loop until the parked call of another driver's symbol by a driver on this thread is done. @returns its status */
export function gate_wait(channel: i32): i32 {
  // What traps meanwhile is neither that client's call nor this driver's.
  const client = load<u32>(MACHINE_BASE, M_CALL_CLIENT);
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  const before = speak_for(0);
  const status = await_done(MAX_CLIENTS + channel);
  speak_for(before);
  store<u32>(MACHINE_BASE, client, M_CALL_CLIENT);
  return status;
}

function await_done(client: i32): i32 {
  const record = client_at(client);
  let spins = 0;
  if (rung()) poll();
  while (load<u32>(record, CL_CALL)) {
    if (waits_held(client)) return PARKED;
    const channel = <i32>load<u32>(request_at(client), RQ_CHANNEL);
    if (endpoint_answered(channel, SPIN_STRIDE)) {
      endpoint_reply(channel);
      continue;
    }
    spins += SPIN_STRIDE;
    if (!(spins & (TRACE_SPINS - 1))) trace_stale();
    if (rung() || load<u32>(record, CL_LEFT)) poll();
    const transport = load<u32>(endpoint_at(channel), EP_TRANSPORT);
    if (transport != TRANSPORT_WAIT && spins < patience) continue;
    spins = 0;
    if (transport == TRANSPORT_SPIN) wait_time();
    else sleep(record);
  }
  return load<i32>(record, CL_RESULT);
}

/** Sleeps until there is something to do; whether that was long says how long to spin the next time. */
function sleep(record: usize): void {
  if (!sleep_begin()) return;
  const left = wait_time();
  // What was overdue may have run the loop: whoever answers now does not ring.
  if (load<u32>(record, CL_CALL) && load<u32>(MACHINE_BASE, M_SLEEPING)) {
    const before = now();
    wait(MACHINE_BASE + M_DOORBELL, heard_bell(), left);
    patience = now() - before < SHORT_SLEEP_MS ? min(patience << 1, SPINS) : max(patience >> 1, LEAST_SPINS);
    if (load<u32>(MACHINE_BASE, M_CORES) == 1) patience = 0;
  }
  sleep_end();
  poll();
}
