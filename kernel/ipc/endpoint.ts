// Endpoints: the kernel's side of the channels to driver domains (abi/channel.ts). A request goes into the channel's ring, or
// waits in its queue where there is no room; several are in flight and are answered in any order. Everything that comes out of
// a driver is checked here before it is used: generation, sequence, tag, status, position. Nothing here waits.
//
//   endpoint.ts  sending, and taking replies          gate.ts  drivers on this thread (the sandbox)
//   death.ts     an endpoint that is given up          held.ts  requests that wait for a successor
//   queue.ts     requests for which there is no room    answer.ts  what a driver may answer
//   prompt.ts    calls that are answered at once
//
// Prohibited: reading a word of a driver's line twice.

import { CHANNELS_BASE } from '../abi/map';
import { MAX_CHANNELS } from '../abi/limits';
import {
  CHANNEL_ATTACHED,
  CHANNEL_SIZE,
  D_BELL,
  D_SLEEPING,
  K_ANNOUNCED,
  K_GENERATION,
  K_RING,
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
  R_GENERATION,
  R_HANDLE,
  R_POSITION,
  R_SEQUENCE,
  R_STATUS,
  R_TAG,
  RING_HALF,
  RING_SIZE,
  RING_SLOTS,
  RING_STRIDE,
  S_GENERATION,
  S_HOME,
  S_STATE,
  S_TRANSPORT,
  TRANSPORT_GATE,
  TRANSPORT_POST,
} from '../abi/channel';
import { OP_CLEANUP, OP_OPEN, OP_REOPEN } from '../abi/operation';
import { DEV_MAJOR, FILE_DEVICE, FILE_HANDLE, FILE_MODE, FILE_POSITION } from '../abi/file';
import { GFP_KERNEL, __GFP_ZERO } from '../abi/gfp';
import { MOD_NAME } from '../abi/module';
import { EIO } from '../abi/errno';
import { PARKED } from '../fs/clients';
import {
  IN_THREAD,
  request_at,
  RQ_ARGUMENT0,
  RQ_ARGUMENT1,
  RQ_BUFFER,
  RQ_CHANNEL,
  RQ_DEADLINE,
  RQ_FILE,
  RQ_LENGTH,
  RQ_OPERATION,
  RQ_POSITION,
  RQ_POSITIONED,
  RQ_RIGHTS,
  RQ_STARTED,
} from '../fs/requests';
import { finish } from '../fs/syscalls';
import { post } from '../lib/host';
import { __get_free_pages } from '../mm/pages';
import { cleaned, protocol_error } from './death';
import { accepted } from './answer';
import { gate_idle, gate_submit, gate_transfer } from './gate';
import { hold } from './held';
import { ring_idle, ring_transfer } from './prompt';
import { dequeue, enqueue } from './queue';
import { trace_done, trace_incarnation, trace_start } from './trace';

// The kernel's own record of a channel; the driver's thread cannot reach what is decided by it.
// 0: its state, one of those below
export const EP_GENERATION = 4;
export const EP_SEQUENCE = 8; // of the last submission
export const EP_DONE = 12; // of the last completion that was taken
export const EP_HEAD = 16; // request + 1 that waits next (queue.ts)
export const EP_TAIL = 20;
export const EP_MODULE = 24;
export const EP_ERROR = 28; // errnos for everybody who waits when it died: in flight, in the queue
export const EP_CALLED = 32; // sequence of the last call answered
export const EP_RING = 36; // address of its rings
export const EP_HOME = 40; // address of the channel whose bell wakes its thread
export const EP_TRANSPORT = 44;
export const EP_DEADLINE = 48; // f64 ms, for the next answer; 0 until somebody looks at the clock
export const EP_HEART = 56; // D_HEART at that look
export const EP_SLOW = 60; // deadlines that have passed while the heart beat
export const EP_KEEP = 64; // 1: it is unloaded for a successor that takes its devices over
export const EP_BUSY = 68; // request + 1 that runs in a sandbox
export const EP_LEAVING = 72; // 1: it has been sent OP_CLEANUP, and gets nothing more
export const EP_SERVE = 76; // table slot of a sandbox's serve_ring
export const EP_PAUSE = 80; // when to look for an answer, as prompt.ts has learned it
const EP_SIZE = 88;

/** In EP_BUSY: its driver is being loaded, or runs its timers. */
export const OCCUPIED: u32 = 0xffffffff;

// 0: no incarnation has been seen yet
export const UP = 1;
/** Fenced; callers are answered as soon as no copy is under way. */
export const DYING = 2;
export const DEAD = 3;
/** Its requests are held: it is about to be replaced. */
export const QUIESCING = 4;

const endpoints = memory.data(MAX_CHANNELS * EP_SIZE);
/** Request + 1 by channel and slot, 0 where none is in flight. */
const flights = memory.data(MAX_CHANNELS * RING_SLOTS * 4);

// @ts-ignore: decorator
@inline
export function endpoint_at(channel: i32): usize {
  return endpoints + channel * EP_SIZE;
}

// @ts-ignore: decorator
@inline
export function channel_at(channel: i32): usize {
  return CHANNELS_BASE + channel * CHANNEL_SIZE;
}

// @ts-ignore: decorator
@inline
export function flight_at(channel: i32, sequence: u32): usize {
  return flights + ((channel * RING_SLOTS + (sequence & (RING_SLOTS - 1))) << 2);
}

export function endpoints_init(): void {
  for (let i = 0; i < MAX_CHANNELS; i++) {
    store<u32>(channel_at(i), 1, K_GENERATION);
    const ring = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 31 - clz(RING_SIZE / 4096));
    store<u32>(channel_at(i), <u32>ring, K_RING);
  }
}

/** Channels that are up, a bit each: what poll looks at. */
let in_use: u32 = 0;
/** Endpoints that are fenced and wait for a copy to end, which nobody rings for. */
let dying: i32 = 0;

export function endpoints_in_use(): u32 {
  return in_use;
}

export function endpoints_dying(): bool {
  return dying != 0;
}

/** The one place where an endpoint's state changes. */
export function set_state(channel: i32, state: u32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) == DYING) dying--;
  if (state == DYING) dying++;
  if (state == UP || state == QUIESCING) in_use |= 1 << channel;
  else in_use &= ~(1 << channel);
  store<u32>(ep, state);
}

export function endpoint_up(channel: i32): bool {
  const state = load<u32>(endpoint_at(channel));
  return state == UP || state == QUIESCING;
}

/** Whether a request is in flight. */
export function endpoint_busy(channel: i32): bool {
  const ep = endpoint_at(channel);
  return load<u32>(ep, EP_SEQUENCE) != load<u32>(ep, EP_DONE) || load<u32>(ep, EP_BUSY) != 0;
}

/** Whether its driver is on the kernel's thread and still to be loaded there. */
export function endpoint_loading(channel: i32): bool {
  return load<u32>(endpoint_at(channel), EP_BUSY) == OCCUPIED;
}

export function endpoint_generation(channel: i32): u32 {
  return load<u32>(endpoint_at(channel), EP_GENERATION);
}

export function endpoint_module(channel: i32): usize {
  return <usize>load<u32>(endpoint_at(channel), EP_MODULE);
}

export function set_endpoint_module(channel: i32, mod: usize): void {
  store<u32>(endpoint_at(channel), <u32>mod, EP_MODULE);
  if (!mod) return;
  const generation = endpoint_generation(channel);
  trace_incarnation(channel, generation, mod + MOD_NAME);
  atomic.store<u32>(channel_at(channel), generation, K_ANNOUNCED);
  atomic.notify(channel_at(channel) + K_ANNOUNCED, -1);
  ring_home(<usize>load<u32>(endpoint_at(channel), EP_HOME)); // the thread of a pool does not wait for one of its drivers
}

/** Takes note of an incarnation that the supervisor has started on this channel. */
export function endpoint_adopt(channel: i32): void {
  const ep = endpoint_at(channel);
  const state = load<u32>(ep);
  if (state && state != DEAD) return;
  const ch = channel_at(channel);
  const generation = atomic.load<u32>(ch, K_GENERATION);
  if (atomic.load<u32>(ch, S_STATE) != CHANNEL_ATTACHED || atomic.load<u32>(ch, S_GENERATION) != generation)
    return;
  const ring = <usize>load<u32>(ch, K_RING);
  const home = load<u32>(ch, S_HOME);
  memory.fill(ring, 0, RING_SIZE);
  memory.fill(flight_at(channel, 0), 0, RING_SLOTS * 4);
  set_state(channel, 0);
  memory.fill(ep, 0, EP_SIZE);
  store<u32>(ep, <u32>ring, EP_RING);
  store<u32>(ep, <u32>(home && home <= <u32>MAX_CHANNELS ? channel_at(home - 1) : ch), EP_HOME);
  const transport = load<u32>(ch, S_TRANSPORT);
  store<u32>(ep, transport, EP_TRANSPORT);
  if (transport == TRANSPORT_GATE) store<u32>(ep, OCCUPIED, EP_BUSY);
  store<u32>(ep, generation, EP_GENERATION);
  set_state(channel, UP);
}

/**
 * Sends a request that has been filled, or queues it.
 * @returns PARKED; -EIO when the endpoint is dead; the driver's status where it is on this thread and idle
 */
export function endpoint_submit(request: i32, channel: i32): i32 {
  const ep = endpoint_at(channel);
  const record = request_at(request);
  store<u32>(record, channel, RQ_CHANNEL);
  if (load<u32>(ep) != UP) {
    if (load<u32>(ep) != QUIESCING || !load<u32>(record, RQ_FILE)) return -EIO;
    hold(request);
    return PARKED;
  }
  store<f64>(record, 0, RQ_DEADLINE);
  if (load<u32>(ep, EP_TRANSPORT) == TRANSPORT_GATE) {
    store<u64>(record, trace_start(), RQ_STARTED);
    const status = gate_submit(ep, channel, request);
    if (status != PARKED) trace_done(request, status);
    return status;
  }
  if (load<u32>(ep, EP_HEAD) || !send(ep, channel, request)) enqueue(ep, request);
  store<u64>(record, trace_start(), RQ_STARTED); // while the driver is at work
  return PARKED;
}

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

/** Sends the cleanup of a driver that is replaced: whatever is asked of it afterwards is held for its successor. */
export function endpoint_replace(request: i32, channel: i32): i32 {
  const ep = endpoint_at(channel);
  store<u32>(ep, 1, EP_KEEP);
  const status = endpoint_submit(request, channel);
  if (status == PARKED && load<u32>(ep) == UP) set_state(channel, QUIESCING);
  return status;
}

/** Sends what waits, as far as there is room; to a driver on this thread it goes from the loop (gate.ts). */
export function endpoint_send_next(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep, EP_TRANSPORT) == TRANSPORT_GATE) return;
  for (let next = load<u32>(ep, EP_HEAD); next && send(ep, channel, next - 1); next = load<u32>(ep, EP_HEAD))
    dequeue(ep);
}

/** Puts a request into the ring. @returns false where its slot is still in flight, or the driver leaves */
// @ts-ignore: decorator
@inline
export function send(ep: usize, channel: i32, request: i32): bool {
  const sequence = load<u32>(ep, EP_SEQUENCE) + 1;
  const flight = flight_at(channel, sequence);
  if (load<u32>(flight) || load<u32>(ep, EP_LEAVING)) return false;
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
    store<i64>(q, place_of(record, file), Q_POSITION);
  }
  if (operation == OP_CLEANUP) store<u32>(ep, 1, EP_LEAVING);
  store<u32>(flight, request + 1);
  store<u32>(ep, sequence, EP_SEQUENCE);
  atomic.store<u32>(q, sequence, Q_SEQUENCE);
  ring_home(<usize>load<u32>(ep, EP_HOME));
  if (load<u32>(ep, EP_TRANSPORT) == TRANSPORT_POST) post(channel, q);
  return true;
}

/** What an open tells of the device: major << 8 | mode. */
// @ts-ignore: decorator
@inline
export function file_device(file: usize): u32 {
  return (load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_MAJOR) << 8) | load<u32>(file, FILE_MODE);
}

/** Where in the file a request reads or writes. */
// @ts-ignore: decorator
@inline
export function place_of(record: usize, file: usize): i64 {
  return load<u32>(record, RQ_POSITIONED) ? load<i64>(record, RQ_POSITION) : load<i64>(file, FILE_POSITION);
}

/** Wakes a driver's thread where it sleeps. */
// @ts-ignore: decorator
@inline
function ring_home(home: usize): void {
  if (atomic.load<u32>(home, D_SLEEPING)) wake(home);
}

function wake(home: usize): void {
  atomic.add<u32>(home, 1, D_BELL);
  atomic.notify(home + D_BELL, 1);
}

// @ts-ignore: decorator
@inline
export function completion(ep: usize, sequence: u32): usize {
  return <usize>load<u32>(ep, EP_RING) + RING_HALF + (sequence & (RING_SLOTS - 1)) * RING_STRIDE;
}

/** Whether there is a reply, or comes within so many looks. */
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

/** Takes the next reply, checks it, finishes what waits for it and sends the next request. */
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
  if (!accepted(channel, request, status, position, handle)) return;
  store<u32>(flight, 0);
  store<u32>(ep, done, EP_DONE);
  store<f64>(ep, 0, EP_DEADLINE);
  const operation = load<u32>(request_at(request), RQ_OPERATION);
  if (operation == OP_CLEANUP) cleaned(channel, status);
  else if (load<u32>(ep, EP_HEAD)) endpoint_send_next(channel);
  finish(request, status);
}
