// The fast path of reads and writes, the most frequent calls: directly into an idle driver on this thread, or over an idle ring
// (fastpath-ring.ts); otherwise as any other request.

import { GATE_BITS } from '../abi/channel';
import { FILE_POSITION } from '../abi/file';
import { PARKED } from '../fs/clients';
import {
  IN_THREAD,
  request_at,
  RQ_CHANNEL,
  RQ_DEADLINE,
  RQ_FILE,
  RQ_LENGTH,
  RQ_POSITIONED,
  RQ_STARTED,
} from '../fs/requests';
import { gate } from '../lib/host';
import { answer_valid } from './answer';
import { endpoint_at, EP_GENERATION, UP } from './endpoint';
import { gate_finish, gate_idle, gate_begin, gate_position, ring_if_queued, gate_end } from './gate';
import { ring_idle, ring_transfer } from './fastpath-ring';
import { redirect, endpoint_submit } from './submit';
import { trace_done, trace_request, trace_start } from './trace';

/** Sends a read or write that has been filled. @returns as endpoint_submit */
// @ts-ignore: decorator
@inline
export function endpoint_transfer(request: i32, channel: i32): i32 {
  const ep = endpoint_at(channel);
  if (gate_idle(ep)) return gate_transfer(ep, channel, request);
  return request == IN_THREAD && ring_idle(ep)
    ? ring_transfer(ep, channel, request)
    : endpoint_submit(request, channel);
}

/**
 * A read or write by an idle driver on this thread.
 * @returns as endpoint_submit
 */
// @ts-ignore: decorator
@inline
function gate_transfer(ep: usize, channel: i32, request: i32): i32 {
  const record = request_at(request);
  const generation = load<u32>(ep, EP_GENERATION);
  const started = trace_start();
  store<u32>(record, channel, RQ_CHANNEL);
  store<f64>(record, 0, RQ_DEADLINE);
  store<u64>(record, started, RQ_STARTED);
  gate_begin(ep, channel, request);
  const status = gate((request << GATE_BITS) | channel);
  const same = load<u32>(ep, EP_GENERATION) == generation && load<u32>(ep) == UP;
  if (!same || !answer_valid(status, load<i32>(record, RQ_LENGTH), gate_position))
    return transfer_failed(ep, channel, request, generation, status);
  if (!load<u32>(record, RQ_POSITIONED))
    store<i64>(<usize>load<u32>(record, RQ_FILE), gate_position, FILE_POSITION);
  gate_end(ep, channel);
  ring_if_queued(ep);
  store<u64>(record, 0, RQ_STARTED);
  trace_request(request, channel, generation, started, status);
  return status;
}

/** Ends a read or write that failed, as any other request. */
function transfer_failed(ep: usize, channel: i32, request: i32, generation: u32, status: i32): i32 {
  const result = redirect(request, gate_finish(ep, channel, request, generation, status));
  ring_if_queued(ep);
  if (result != PARKED) trace_done(request, result);
  return result;
}
