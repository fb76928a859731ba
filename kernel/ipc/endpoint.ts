// Endpoints: the kernel's side of the channels to driver domains (abi/channel.ts), a record each, and its state. A request goes
// into the channel's ring, or waits in its queue where there is no room. Several requests are in flight and are answered in any
// order. All that a driver sends is checked before it is used: generation, sequence, tag, status, position. Nothing here blocks.
//
// From below to above; each of these files uses those before it, and none after it:
//
//   endpoint.ts     records and states                     trace.ts          the trace of calls
//   queue.ts        requests for which there is no room    ring.ts           messages in a channel's rings
//   incarnation.ts  incarnations on channels               gate-buffer.ts    a driver's call of another driver's symbol
//   conclude.ts     results of system calls                held.ts           requests that wait for a successor
//   death.ts        the end of an endpoint                 answer.ts         checks of answers
//   gate.ts         a driver on this thread (the sandbox)  submit.ts         a request goes to a driver, or its successor
//   fastpath.ts     reads and writes                       fastpath-ring.ts  a call over an idle ring
//
// System calls are above these (../fs/syscalls.ts), and above them ../fs/finish.ts, where requests end; reply.ts, sandbox.ts,
// deadline.ts and, on top, loop.ts use that. Files further down end a request through end-request.ts.

import { CHANNELS_BASE } from '../abi/map';
import { MAX_CHANNELS } from '../abi/limits';
import { CHANNEL_SIZE, K_GENERATION, K_RING, RING_SIZE, RING_SLOTS } from '../abi/channel';
import { GFP_KERNEL, __GFP_ZERO } from '../abi/gfp';
import { __get_free_pages } from '../mm/pages';

// The kernel's own record of a channel, which the driver's thread cannot reach.
// 0: its state, one of those below
export const EP_GENERATION = 4;
export const EP_SEQUENCE = 8; // of the last submission
export const EP_DONE = 12; // of the last completion that was taken
export const EP_HEAD = 16; // request + 1 that waits next (queue.ts)
export const EP_TAIL = 20;
export const EP_MODULE = 24;
export const EP_ERROR = 28; // errnos for the requests at its death: in flight, in the queue
export const EP_LAST_CALL = 32; // sequence of the last call answered
export const EP_RING = 36; // address of its rings
export const EP_DRIVER_HOST = 40; // address of the channel whose bell wakes its thread
export const EP_TRANSPORT = 44;
export const EP_DEADLINE = 48; // f64 ms, for the next answer; 0 until the first check
export const EP_HEART = 56; // D_HEART at the last check
export const EP_SLOW = 60; // deadlines that have passed while the heartbeat went on
export const EP_REPLACED = 64; // 1: it is unloaded for a successor that takes its devices over
export const EP_BUSY = 68; // request + 1 that runs in a sandbox
export const EP_CLEANING = 72; // 1: it was sent OP_CLEANUP, and gets no more requests
export const EP_SERVE = 76; // table slot of a sandbox's serve_ring
export const EP_PAUSE = 80; // when to look for an answer, as fastpath-ring.ts has learned it
export const EP_SIZE = 88;

/** In EP_BUSY: its driver is being loaded or runs its timers, so it is busy without a request. */
export const BUSY_NO_REQUEST: u32 = 0xffffffff;

// 0: no incarnation has been seen yet
export const UP = 1;
/** Fenced. The callers are answered when no copy is under way. */
export const DYING = 2;
export const DEAD = 3;
/** It is being replaced; new requests are held. */
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

/** Channels that are up, a bit each, for poll. */
let in_use: u32 = 0;
/** How many endpoints are fenced and wait for the end of a copy, which does not ring the doorbell. */
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

/** Whether its driver is on the kernel's thread and still being loaded. */
export function endpoint_loading(channel: i32): bool {
  return load<u32>(endpoint_at(channel), EP_BUSY) == BUSY_NO_REQUEST;
}

export function endpoint_generation(channel: i32): u32 {
  return load<u32>(endpoint_at(channel), EP_GENERATION);
}

export function endpoint_module(channel: i32): usize {
  return <usize>load<u32>(endpoint_at(channel), EP_MODULE);
}
