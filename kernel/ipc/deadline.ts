// Deadlines of requests to driver domains. A driver has one deadline for its next answer, however many requests are in flight. A
// driver whose heartbeat goes on is slow, not dead, and gets more time up to a limit. Each request has a longer deadline of its
// own besides, so that a driver cannot skip one forever.

import { D_HEART, RING_SLOTS } from '../abi/channel';
import { SLOW_DEADLINES } from '../abi/limits';
import { COMPLAINT_DEADLINE } from '../abi/operation';
import { EIO, ETIMEDOUT } from '../abi/errno';
import { LEVEL_ERR } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { finish } from '../fs/finish';
import { request_at, RQ_DEADLINE, RQ_NEXT, RQ_OPERATION } from '../fs/requests';
import { complain } from '../lib/host';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { endpoint_die } from './death';
import {
  channel_at,
  DYING,
  endpoint_at,
  endpoint_module,
  endpoint_up,
  EP_BUSY,
  EP_DEADLINE,
  EP_DONE,
  EP_GENERATION,
  EP_HEAD,
  EP_HEART,
  EP_SEQUENCE,
  EP_SLOW,
  EP_TAIL,
  flight_at,
} from './endpoint';
import { gate_busy } from './gate-buffer';

/** In EP_SLOW: the heartbeat was not read yet for this answer. */
const NO_HEART: u32 = 0xffffffff;
/** The heartbeat is first read after a deadline divided by this. */
const FIRST_LOOK_PARTS: f64 = 32;

/** Ends the queued requests that have waited too long. @returns ms until the next of the others is due */
function queue_deadline(ep: usize, time: f64, limit: f64): f64 {
  let least = limit;
  let before: u32 = 0;
  let next = load<u32>(ep, EP_HEAD);
  while (next) {
    const record = request_at(next - 1);
    const deadline = load<f64>(record, RQ_DEADLINE);
    const behind = load<u32>(record, RQ_NEXT);
    if (!deadline) store<f64>(record, time + limit, RQ_DEADLINE);
    if (!deadline || time < deadline) {
      if (deadline) least = min(least, deadline - time);
      before = next;
    } else {
      if (before) store<u32>(request_at(before - 1), behind, RQ_NEXT);
      else store<u32>(ep, behind, EP_HEAD);
      if (!behind) store<u32>(ep, before, EP_TAIL);
      finish(next - 1, -ETIMEDOUT);
    }
    next = behind;
  }
  return least;
}

/** The oldest request in flight; -1 where there is none. */
function oldest_in_flight(channel: i32): i32 {
  const last = load<u32>(endpoint_at(channel), EP_SEQUENCE);
  for (let sequence = last - (RING_SLOTS - 1); sequence != last + 1; sequence++) {
    const flight = load<u32>(flight_at(channel, sequence));
    if (flight) return <i32>flight - 1;
  }
  return -1;
}

/**
 * Checks the deadlines of the requests in flight and in the queue. The first check starts their time, so that a call that is
 * answered at once never reads the clock.
 * @returns ms that are left, or a negative number when nothing is in flight
 */
export function endpoint_deadline(channel: i32, time: f64, limit: f64): f64 {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) == DYING) return 1;
  if (load<u32>(ep, EP_SEQUENCE) == load<u32>(ep, EP_DONE))
    return load<u32>(ep, EP_BUSY) && endpoint_up(channel) ? gate_deadline(channel, ep, time, limit) : -1;
  const request = oldest_in_flight(channel);
  if (request < 0) return -1;
  const deadline = load<f64>(ep, EP_DEADLINE);
  const most = load<f64>(request_at(request), RQ_DEADLINE);
  if (!most) store<f64>(request_at(request), time + limit * SLOW_DEADLINES, RQ_DEADLINE);
  if (!deadline) {
    // Host calls that the driver makes at once are no sign of life later on, so its heartbeat is read after a short time.
    const first_look = limit / FIRST_LOOK_PARTS;
    store<f64>(ep, time + first_look, EP_DEADLINE);
    store<u32>(ep, NO_HEART, EP_SLOW);
    return min(first_look, queue_deadline(ep, time, limit));
  }
  const overdue = most && time >= most;
  if (time < deadline && !overdue) return min(deadline - time, queue_deadline(ep, time, limit));
  if (!overdue && has_more_time(channel, ep)) {
    store<f64>(ep, time + limit, EP_DEADLINE);
    return min(limit, queue_deadline(ep, time, limit));
  }
  return give_up(channel, ep, request, limit * (overdue ? SLOW_DEADLINES : 1));
}

/** Gives up a driver that has not answered in so many ms. */
function give_up(channel: i32, ep: usize, request: i32, ms: f64): f64 {
  const mod = endpoint_module(channel);
  pr(
    LEVEL_ERR,
    cstr('%s: no reply to operation %d in %d ms'),
    mod ? mod + MOD_NAME : cstr('endpoint'),
    load<u32>(request_at(request), RQ_OPERATION),
    <usize>ms,
  );
  complain(channel, load<u32>(ep, EP_GENERATION), COMPLAINT_DEADLINE);
  endpoint_die(channel, ETIMEDOUT, EIO);
  return load<u32>(ep) == DYING ? 1 : -1;
}

/**
 * The deadline of a driver on this thread. It is busy while the kernel checks the clock, so it waits for a driver that it has
 * called. Each of those calls has a deadline; all together have that of a slow driver. The requests in its queue have twice the
 * usual deadline, because one such call may take all of that.
 */
function gate_deadline(channel: i32, ep: usize, time: f64, limit: f64): f64 {
  const request = <i32>load<u32>(ep, EP_BUSY) - 1;
  const left = queue_deadline(ep, time, 2 * limit);
  if (request < 0) return left; // it runs timers, or is being loaded
  const most = load<f64>(request_at(request), RQ_DEADLINE);
  if (!most) store<f64>(request_at(request), time + limit * SLOW_DEADLINES, RQ_DEADLINE);
  return most && time >= most ? give_up(channel, ep, request, limit * SLOW_DEADLINES) : left;
}

/** Whether a driver that is late gets more time: its heartbeat goes on, or it waits for a driver with a deadline of its own. */
function has_more_time(channel: i32, ep: usize): bool {
  const heart = atomic.load<u32>(channel_at(channel), D_HEART);
  if (load<u32>(ep, EP_SLOW) == NO_HEART) {
    store<u32>(ep, heart, EP_HEART);
    store<u32>(ep, 0, EP_SLOW);
    return true;
  }
  if (gate_busy(channel)) return true;
  if (heart == load<u32>(ep, EP_HEART)) return false;
  store<u32>(ep, heart, EP_HEART);
  const slow = load<u32>(ep, EP_SLOW) + 1;
  store<u32>(ep, slow, EP_SLOW);
  return slow < <u32>SLOW_DEADLINES;
}
