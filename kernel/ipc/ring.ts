// The rings of a channel: one for requests, one for replies.
//
// Prohibited: reading a word of a driver's line twice.

import {
  D_BELL,
  D_SLEEPING,
  Q_ARGUMENT0,
  Q_ARGUMENT1,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_GRANT_RIGHTS,
  Q_HANDLE,
  Q_MINOR,
  Q_OPERATION,
  Q_POSITION,
  Q_SEQUENCE,
  R_SEQUENCE,
  RING_HALF,
  RING_SLOTS,
  RING_STRIDE,
  TRANSPORT_GATE,
  TRANSPORT_POST,
} from '../abi/channel';
import { FILE_HANDLE } from '../abi/file';
import { OP_CLEANUP, OP_OPEN, OP_REOPEN } from '../abi/operation';
import {
  file_device,
  request_position,
  request_at,
  RQ_ARGUMENT0,
  RQ_ARGUMENT1,
  RQ_BUFFER,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_RIGHTS,
} from '../fs/requests';
import { post } from '../lib/host';
import {
  endpoint_at,
  EP_DONE,
  EP_GENERATION,
  EP_HEAD,
  EP_DRIVER_HOST,
  EP_CLEANING,
  EP_RING,
  EP_SEQUENCE,
  EP_TRANSPORT,
  flight_at,
} from './endpoint';
import { dequeue } from './queue';

/** Puts a request into the ring. @returns false where its slot is still in flight, or the driver runs its cleanup */
// @ts-ignore: decorator
@inline
export function send(ep: usize, channel: i32, request: i32): bool {
  const sequence = load<u32>(ep, EP_SEQUENCE) + 1;
  const flight = flight_at(channel, sequence);
  if (load<u32>(flight) || load<u32>(ep, EP_CLEANING)) return false;
  const record = request_at(request);
  const q = <usize>load<u32>(ep, EP_RING) + (sequence & (RING_SLOTS - 1)) * RING_STRIDE;
  const operation = load<u32>(record, RQ_OPERATION);
  const file = <usize>load<u32>(record, RQ_FILE);
  store<u32>(q, load<u32>(ep, EP_GENERATION), Q_GENERATION);
  store<u32>(q, operation == OP_REOPEN ? OP_OPEN : operation, Q_OPERATION);
  store<u32>(q, load<u32>(record, RQ_BUFFER), Q_GRANT_ADDRESS);
  store<u32>(q, load<u32>(record, RQ_LENGTH), Q_GRANT_LENGTH);
  store<u32>(q, load<u32>(record, RQ_RIGHTS), Q_GRANT_RIGHTS);
  store<u32>(q, load<u32>(record, RQ_ARGUMENT0), Q_ARGUMENT0);
  store<u32>(q, load<u32>(record, RQ_ARGUMENT1), Q_ARGUMENT1);
  if (file) {
    store<u32>(q, load<u32>(file, FILE_HANDLE), Q_HANDLE);
    store<u32>(q, file_device(file), Q_MINOR);
    store<i64>(q, request_position(record, file), Q_POSITION);
  }
  if (operation == OP_CLEANUP) store<u32>(ep, 1, EP_CLEANING);
  store<u32>(flight, request + 1);
  store<u32>(ep, sequence, EP_SEQUENCE);
  atomic.store<u32>(q, sequence, Q_SEQUENCE);
  ring_driver_host(<usize>load<u32>(ep, EP_DRIVER_HOST));
  if (load<u32>(ep, EP_TRANSPORT) == TRANSPORT_POST) post(channel, q);
  return true;
}

/** Sends queued requests while there is room. For a driver on this thread the loop does so (sandbox.ts). */
export function endpoint_send_next(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep, EP_TRANSPORT) == TRANSPORT_GATE) return;
  for (let next = load<u32>(ep, EP_HEAD); next && send(ep, channel, next - 1); next = load<u32>(ep, EP_HEAD))
    dequeue(ep);
}

/** Wakes a driver's thread where it sleeps. */
// @ts-ignore: decorator
@inline
export function ring_driver_host(host: usize): void {
  if (atomic.load<u32>(host, D_SLEEPING)) wake(host);
}

function wake(host: usize): void {
  atomic.add<u32>(host, 1, D_BELL);
  atomic.notify(host + D_BELL, 1);
}

// @ts-ignore: decorator
@inline
export function completion(ep: usize, sequence: u32): usize {
  return <usize>load<u32>(ep, EP_RING) + RING_HALF + (sequence & (RING_SLOTS - 1)) * RING_STRIDE;
}

/** Whether there is a reply, or one comes within so many looks. */
// @ts-ignore: decorator
@inline
export function endpoint_answered(channel: i32, looks: i32 = 1): bool {
  const ep = endpoint_at(channel);
  const next = load<u32>(ep, EP_DONE) + 1;
  if (load<u32>(ep, EP_SEQUENCE) - next >= <u32>RING_SLOTS) return false;
  const r = completion(ep, next);
  while (atomic.load<u32>(r, R_SEQUENCE) != next) if (--looks <= 0) return false;
  return true;
}
