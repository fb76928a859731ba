// A driver's reply over its ring: it is checked and applied, and ends the request.
//
// Prohibited: reading a word of a driver's line twice.

import { R_GENERATION, R_HANDLE, R_POSITION, R_STATUS, R_TAG, RING_SLOTS } from '../abi/channel';
import { OP_CLEANUP } from '../abi/operation';
import { finish } from '../fs/finish';
import { request_at, RQ_OPERATION } from '../fs/requests';
import { accept_answer } from './answer';
import { protocol_error } from './death';
import {
  endpoint_at,
  EP_DEADLINE,
  EP_DONE,
  EP_GENERATION,
  EP_HEAD,
  EP_SEQUENCE,
  flight_at,
} from './endpoint';
import { completion, endpoint_send_next } from './ring';
import { cleanup_done } from './submit';

/** Takes and checks the next reply, finishes its request and sends the next one. */
export function endpoint_reply(channel: i32): void {
  const ep = endpoint_at(channel);
  const done = load<u32>(ep, EP_DONE) + 1;
  const r = completion(ep, done);
  const tag = load<u32>(r, R_TAG);
  const status = load<i32>(r, R_STATUS);
  const position = load<i64>(r, R_POSITION);
  const handle = load<u32>(r, R_HANDLE);
  const flight = flight_at(channel, tag);
  const request = <i32>load<u32>(flight) - 1;
  if (
    request < 0 ||
    load<u32>(ep, EP_SEQUENCE) - tag >= <u32>RING_SLOTS ||
    load<u32>(r, R_GENERATION) != load<u32>(ep, EP_GENERATION)
  )
    return protocol_error(channel, 0, status, 0);
  if (!accept_answer(channel, request, status, position, handle)) return;
  store<u32>(flight, 0);
  store<u32>(ep, done, EP_DONE);
  store<f64>(ep, 0, EP_DEADLINE);
  const operation = load<u32>(request_at(request), RQ_OPERATION);
  if (operation == OP_CLEANUP) cleanup_done(channel, status);
  else if (load<u32>(ep, EP_HEAD)) endpoint_send_next(channel);
  finish(request, status);
}
