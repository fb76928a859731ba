// The end of an endpoint. The fence is raised at once. Then the waiting requests are answered, or held for the successor (held.ts).
// That waits for a copy that is under way, so that the copy does not write to a range after its owner was answered.

import { D_COPYING, D_GONE, K_GENERATION, RING_SLOTS, S_EXIT_NOTICE } from '../abi/channel';
import { COMPLAINT_OOPS, COMPLAINT_PROTOCOL } from '../abi/operation';
import { MOD_NAME } from '../abi/module';
import { EIO } from '../abi/errno';
import { LEVEL_ERR, LEVEL_WARNING } from '../abi/log';
import { resources_orphan, resources_remove } from '../fs/resources';
import { complain } from '../lib/host';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { module_followed } from '../module/list';
import { module_gone } from '../module/remote';
import {
  channel_at,
  DEAD,
  DYING,
  endpoint_at,
  endpoint_generation,
  endpoint_module,
  endpoint_up,
  EP_DONE,
  EP_ERROR,
  EP_GENERATION,
  EP_REPLACED,
  EP_SEQUENCE,
  flight_at,
  set_state,
} from './endpoint';
import { end_request } from './end-request';
import { gate_release } from './gate-buffer';
import { fail_over, fail_over_current } from './held';
import { dequeue } from './queue';
import { store_gone } from './store';

/** Gives up a driver that has broken the protocol, and logs how. */
export function protocol_error(channel: i32, operation: i32, status: i32, most: i32): void {
  const mod = endpoint_module(channel);
  const name = mod ? mod + MOD_NAME : cstr('endpoint');
  if (operation)
    pr(
      LEVEL_ERR,
      cstr('%s: bad reply to operation %d: status %d, at most %d was asked for'),
      name,
      operation,
      status,
      most,
    );
  else pr(LEVEL_ERR, cstr('%s: bad reply: nobody waits for it, status %d'), name, status);
  complain(channel, endpoint_generation(channel), COMPLAINT_PROTOCOL);
  endpoint_die(channel, EIO, EIO);
}

/** Gives up a driver in whose call the kernel has trapped: it does not get an answer any more. */
export function endpoint_oops(channel: i32): void {
  if (!endpoint_up(channel)) return;
  complain(channel, endpoint_generation(channel), COMPLAINT_OOPS);
  endpoint_die(channel, EIO, EIO);
}

/** Ends the endpoint of a driver that has run its cleanup. */
export function endpoint_retire(channel: i32): void {
  endpoint_drop_module(channel);
  fence(channel, EIO, EIO);
  endpoint_answer_callers(channel);
}

/** Drops the module behind an endpoint. What it has registered and stored is kept for a successor, or removed. */
export function endpoint_drop_module(channel: i32): void {
  const mod = endpoint_module(channel);
  const keep = load<u32>(endpoint_at(channel), EP_REPLACED) != 0;
  if (module_followed(mod, keep)) resources_orphan(channel + 1, keep);
  else resources_remove(mod, channel + 1);
  store_gone(mod, keep);
  module_gone(mod);
}

function fence(channel: i32, error: i32, others: i32): void {
  const ep = endpoint_at(channel);
  atomic.add<u32>(channel_at(channel), 1, K_GENERATION);
  set_state(channel, DYING);
  store<u32>(ep, error | (others << 16), EP_ERROR);
  store<u32>(ep, load<u32>(ep, EP_SEQUENCE), EP_DONE); // no reply is read any more, also while a copy is under way
}

/**
 * Gives up an incarnation: raises the fence at once, then answers the waiting requests.
 * @param error errno of the requests in flight
 */
export function endpoint_die(channel: i32, error: i32, others: i32): void {
  const ep = endpoint_at(channel);
  if (!endpoint_up(channel)) return;
  fence(channel, error, others);
  const mod = endpoint_module(channel);
  if (mod) {
    pr(LEVEL_WARNING, cstr('%s: driver died, generation %u'), mod + MOD_NAME, load<u32>(ep, EP_GENERATION));
    endpoint_drop_module(channel);
  }
  endpoint_answer_callers(channel);
}

/** Answers the requests to a dead endpoint, unless a copy of the old incarnation is still under way. */
export function endpoint_answer_callers(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) != DYING || atomic.load<u32>(channel_at(channel), D_COPYING)) return;
  set_state(channel, DEAD);
  gate_release(channel);
  const errors = load<u32>(ep, EP_ERROR);
  // In the order in which they were sent. The first is the one that the driver was serving.
  let first = true;
  const last = load<u32>(ep, EP_SEQUENCE);
  for (let sequence = last - (RING_SLOTS - 1); sequence != last + 1; sequence++) {
    const request = <i32>load<u32>(flight_at(channel, sequence)) - 1;
    store<u32>(flight_at(channel, sequence), 0);
    if (request < 0) continue;
    end_request(
      request,
      first ? fail_over_current(request, errors & 0xffff) : fail_over(request, true, errors >> 16),
    );
    first = false;
  }
  for (let request = dequeue(ep); request >= 0; request = dequeue(ep))
    end_request(request, fail_over(request, false, errors >> 16));
}

/** Gives up an incarnation where it or the supervisor says that it has ended. */
export function endpoint_check_exit(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) == DYING) return endpoint_answer_callers(channel);
  const ch = channel_at(channel);
  if (!endpoint_up(channel)) {
    // It ended before it was adopted. The next incarnation must not have its generation.
    const held = atomic.load<u32>(ch, K_GENERATION);
    if (atomic.load<u32>(ch, S_EXIT_NOTICE) == held) atomic.store<u32>(ch, held + 1, K_GENERATION);
    return;
  }
  const generation = load<u32>(ep, EP_GENERATION);
  if (atomic.load<u32>(ch, D_GONE) == generation || atomic.load<u32>(ch, S_EXIT_NOTICE) == generation) {
    endpoint_die(channel, EIO, EIO);
  }
}
