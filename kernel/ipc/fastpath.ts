// Reads and writes, what is asked most: straight into an idle driver on this thread, or over an idle ring (prompt.ts); else as
// any other request. Nothing is on these ways that other requests need.

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
import { plausible } from './answer';
import { endpoint_at, EP_GENERATION, UP } from './endpoint';
import { came_back, gate_idle, occupy, position, ring_for_others, vacate } from './gate';
import { ring_idle, ring_transfer } from './fastpath-ring';
import { asked, endpoint_submit } from './submit';
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
 * A read or write of an idle driver: what is asked most, so that nothing is on its way that other requests need.
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
  occupy(ep, channel, request);
  const status = gate((request << GATE_BITS) | channel);
  const same = load<u32>(ep, EP_GENERATION) == generation && load<u32>(ep) == UP;
  if (!same || !plausible(status, load<i32>(record, RQ_LENGTH), position))
    return went_wrong(ep, channel, request, generation, status);
  if (!load<u32>(record, RQ_POSITIONED))
    store<i64>(<usize>load<u32>(record, RQ_FILE), position, FILE_POSITION);
  vacate(ep, channel);
  ring_for_others(ep);
  store<u64>(record, 0, RQ_STARTED);
  trace_request(request, channel, generation, started, status);
  return status;
}

/** A read or write did not come back as it should: it ends as any other request. */
function went_wrong(ep: usize, channel: i32, request: i32, generation: u32, status: i32): i32 {
  const result = asked(request, came_back(ep, channel, request, generation, status));
  ring_for_others(ep);
  if (result != PARKED) trace_done(request, result);
  return result;
}
