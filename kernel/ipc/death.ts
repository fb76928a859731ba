// An endpoint that is given up: the fence goes up at once, then everybody who waits is answered, or waits for the successor
// (held.ts). A fence waits for a copy that is under way, so that nothing arrives in a range that is its owner's again.

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
  EP_KEEP,
  EP_SEQUENCE,
  flight_at,
  set_state,
} from './endpoint';
import { end_request } from './end-request';
import { gate_release } from './gate-buffer';
import { asked_again, died_over } from './held';
import { dequeue } from './queue';
import { store_gone } from './store';

/** What no honest driver sends: it is given up, and the message is in the log. */
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

/** The kernel has trapped in a call by a driver, which does not get its answer any more. */
export function endpoint_oops(channel: i32): void {
  if (!endpoint_up(channel)) return;
  complain(channel, endpoint_generation(channel), COMPLAINT_OOPS);
  endpoint_die(channel, EIO, EIO);
}

/** A driver has run its cleanup, and goes. */
export function endpoint_retire(channel: i32): void {
  endpoint_leave(channel);
  fence(channel, EIO, EIO);
  endpoint_answer_waiting(channel);
}

/** The module behind an endpoint is gone: what it has registered and stored waits for a successor, or goes too. */
export function endpoint_leave(channel: i32): void {
  const mod = endpoint_module(channel);
  const keep = load<u32>(endpoint_at(channel), EP_KEEP) != 0;
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
  store<u32>(ep, load<u32>(ep, EP_SEQUENCE), EP_DONE); // nothing that it answers is looked at, however long it copies
}

/**
 * Gives an incarnation up: raises the fence at once, then answers everybody who waits.
 * @param error errno of the requests in flight
 */
export function endpoint_die(channel: i32, error: i32, others: i32): void {
  const ep = endpoint_at(channel);
  if (!endpoint_up(channel)) return;
  fence(channel, error, others);
  const mod = endpoint_module(channel);
  if (mod) {
    pr(LEVEL_WARNING, cstr('%s: driver died, generation %u'), mod + MOD_NAME, load<u32>(ep, EP_GENERATION));
    endpoint_leave(channel);
  }
  endpoint_answer_waiting(channel);
}

/** Answers those who waited for a dead endpoint, unless a copy of the old incarnation is still under way. */
export function endpoint_answer_waiting(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) != DYING || atomic.load<u32>(channel_at(channel), D_COPYING)) return;
  set_state(channel, DEAD);
  gate_release(channel);
  const errors = load<u32>(ep, EP_ERROR);
  // In the order in which they were asked; the first is the one that the driver was at.
  let first = true;
  const last = load<u32>(ep, EP_SEQUENCE);
  for (let sequence = last - (RING_SLOTS - 1); sequence != last + 1; sequence++) {
    const request = <i32>load<u32>(flight_at(channel, sequence)) - 1;
    store<u32>(flight_at(channel, sequence), 0);
    if (request < 0) continue;
    end_request(
      request,
      first ? died_over(request, errors & 0xffff) : asked_again(request, true, errors >> 16),
    );
    first = false;
  }
  for (let request = dequeue(ep); request >= 0; request = dequeue(ep))
    end_request(request, asked_again(request, false, errors >> 16));
}

/** Whether the incarnation itself or the supervisor says that it is gone; if so it is given up. */
export function endpoint_exit_notice(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) == DYING) return endpoint_answer_waiting(channel);
  const ch = channel_at(channel);
  if (!endpoint_up(channel)) {
    // Given up before it was adopted: the next one must not have its generation.
    const held = atomic.load<u32>(ch, K_GENERATION);
    if (atomic.load<u32>(ch, S_EXIT_NOTICE) == held) atomic.store<u32>(ch, held + 1, K_GENERATION);
    return;
  }
  const generation = load<u32>(ep, EP_GENERATION);
  if (atomic.load<u32>(ch, D_GONE) == generation || atomic.load<u32>(ch, S_EXIT_NOTICE) == generation) {
    endpoint_die(channel, EIO, EIO);
  }
}
