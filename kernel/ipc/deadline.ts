// Deadlines of requests to driver domains: the one in flight, and those that wait for their turn behind it.

import { COMPLAINT_DEADLINE } from '../abi/operation';
import { EIO, ETIMEDOUT } from '../abi/errno';
import { LEVEL_ERR } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { CL_DEADLINE, CL_NEXT, CL_OPERATION, client_at } from '../fs/clients';
import { complete } from '../fs/syscalls';
import { complain } from '../lib/host';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { answer_client } from './clients';
import {
  DYING,
  endpoint_at,
  endpoint_die,
  endpoint_module,
  EP_CURRENT,
  EP_GENERATION,
  EP_HEAD,
  EP_TAIL,
} from './endpoint';
import { gate_busy } from './symbols';

/** Ends the requests that have waited too long for their turn. @returns ms that are left for the others */
function queue_deadline(ep: usize, time: f64, limit: f64): f64 {
  let least = limit;
  let before: u32 = 0;
  let next = load<u32>(ep, EP_HEAD);
  while (next) {
    const client = <i32>next - 1;
    const record = client_at(client);
    const deadline = load<f64>(record, CL_DEADLINE);
    const behind = load<u32>(record, CL_NEXT);
    if (!deadline) store<f64>(record, time + limit, CL_DEADLINE);
    if (!deadline || time < deadline) {
      if (deadline) least = min(least, deadline - time);
      before = next;
    } else {
      if (before) store<u32>(client_at(before - 1), behind, CL_NEXT);
      else store<u32>(ep, behind, EP_HEAD);
      if (!behind) store<u32>(ep, before, EP_TAIL);
      if (complete(client, -ETIMEDOUT)) answer_client(client, false);
    }
    next = behind;
  }
  return least;
}

/**
 * Looks at the clock for the request in flight and those behind it. The first look starts its time, so that a call that is answered at once
 * never reads the clock.
 * @returns ms that are left, or a negative number when nothing is in flight
 */
export function endpoint_deadline(channel: i32, time: f64, limit: f64): f64 {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) == DYING) return 1;
  const client = <i32>load<u32>(ep, EP_CURRENT) - 1;
  if (client < 0) return -1;
  const record = client_at(client);
  const deadline = load<f64>(record, CL_DEADLINE);
  if (!deadline) {
    store<f64>(record, time + limit, CL_DEADLINE);
    return min(limit, queue_deadline(ep, time, limit));
  }
  if (time < deadline) return min(deadline - time, queue_deadline(ep, time, limit));
  if (gate_busy(channel)) {
    // It waits for another driver, which has a deadline of its own.
    store<f64>(record, time + limit, CL_DEADLINE);
    return queue_deadline(ep, time, limit);
  }
  const mod = endpoint_module(channel);
  pr(
    LEVEL_ERR,
    cstr('%s: no reply to operation %d in %d ms'),
    mod ? mod + MOD_NAME : cstr('endpoint'),
    load<u32>(record, CL_OPERATION),
    <usize>limit,
  );
  complain(channel, load<u32>(ep, EP_GENERATION), COMPLAINT_DEADLINE);
  endpoint_die(channel, ETIMEDOUT, EIO);
  return load<u32>(ep) == DYING ? 1 : -1;
}
