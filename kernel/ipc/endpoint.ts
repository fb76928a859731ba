// Endpoints: the kernel's side of the channels to driver domains (abi/channel.ts). One request is in flight on a channel,
// the others wait in its queue. Everything that comes out of a driver is checked here before it is used: generation,
// sequence, status, length. An endpoint that dies answers everybody; nothing here waits.
//
// Prohibited: reading a word of a driver's line twice.

import { CHANNELS_BASE } from '../abi/map';
import { MAX_CHANNELS } from '../abi/limits';
import {
  CHANNEL_ATTACHED,
  CHANNEL_SIZE,
  D_COPYING,
  D_GONE,
  D_SLEEPING,
  K_GENERATION,
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
  S_GENERATION,
  S_OBITUARY,
  S_STATE,
} from '../abi/channel';
import {
  COMPLAINT_PROTOCOL,
  OP_CLEANUP,
  OP_ECHO,
  OP_IOCTL,
  OP_LLSEEK,
  OP_OPEN,
  OP_READ,
  OP_WRITE,
} from '../abi/operation';
import { DEV_MAJOR, FILE_DEVICE, FILE_HANDLE, FILE_MODE, FILE_POSITION } from '../abi/file';
import { MOD_NAME, MOD_STATE, MODULE_COMING, MODULE_GOING, MODULE_LIVE } from '../abi/module';
import { EIO, MAX_ERRNO } from '../abi/errno';
import { LEVEL_ERR, LEVEL_WARNING } from '../abi/log';
import {
  CL_ARGUMENT0,
  CL_ARGUMENT1,
  CL_BUFFER,
  CL_CHANNEL,
  CL_DEADLINE,
  CL_FILE,
  CL_LENGTH,
  CL_NEXT,
  CL_OPERATION,
  CL_RIGHTS,
  client_at,
  PARKED,
} from '../fs/clients';
import { resources_orphan, resources_remove } from '../fs/resources';
import { complete } from '../fs/syscalls';
import { answer_client } from './clients';
import { module_gone } from '../module/remote';
import { gate_release } from './symbols';
import { complain } from '../lib/host';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';

// The kernel's own record of a channel; the driver's thread cannot reach what is decided by it.
// 0: its state, one of those below
export const EP_GENERATION = 4;
const EP_SEQUENCE = 8; // of the last request
export const EP_CURRENT = 12; // client + 1 whose request is in flight
export const EP_HEAD = 16; // client + 1 that waits next
export const EP_TAIL = 20;
const EP_MODULE = 24;
const EP_ERROR = 28; // errno for everybody who waits when it died
export const EP_CALLED = 32; // sequence of the last call answered
const EP_SIZE = 64;

// 0: no incarnation has been seen yet
const UP = 1;
/** Fenced; callers are answered as soon as no copy is under way. */
export const DYING = 2;
const DEAD = 3;

const endpoints = memory.data(MAX_CHANNELS * EP_SIZE);

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

export function endpoints_init(): void {
  for (let i = 0; i < MAX_CHANNELS; i++) store<u32>(channel_at(i), 1, K_GENERATION);
}

export function endpoint_up(channel: i32): bool {
  return load<u32>(endpoint_at(channel)) == UP;
}

/** Whether a request is in flight. */
export function endpoint_busy(channel: i32): bool {
  return load<u32>(endpoint_at(channel), EP_CURRENT) != 0;
}

export function endpoint_generation(channel: i32): u32 {
  return load<u32>(endpoint_at(channel), EP_GENERATION);
}

export function endpoint_module(channel: i32): usize {
  return <usize>load<u32>(endpoint_at(channel), EP_MODULE);
}

export function set_endpoint_module(channel: i32, mod: usize): void {
  store<u32>(endpoint_at(channel), <u32>mod, EP_MODULE);
}

/** Takes note of an incarnation that the supervisor has started on this channel. */
export function endpoint_adopt(channel: i32): void {
  const ep = endpoint_at(channel);
  const state = load<u32>(ep);
  if (state == UP || state == DYING) return;
  const ch = channel_at(channel);
  const generation = atomic.load<u32>(ch, K_GENERATION);
  if (atomic.load<u32>(ch, S_STATE) != CHANNEL_ATTACHED || atomic.load<u32>(ch, S_GENERATION) != generation)
    return;
  memory.fill(ep, 0, EP_SIZE);
  store<u32>(ep, generation, EP_GENERATION);
  store<u32>(ep, UP);
}

/** Queues a request of `client` and sends it if the channel is free. @returns PARKED, or -EIO when the endpoint is dead */
export function endpoint_submit(
  client: i32,
  channel: i32,
  operation: i32,
  file: usize,
  buffer: usize,
  count: i32,
  rights: u32,
): i32 {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) != UP) return -EIO;
  const record = client_at(client);
  store<u32>(record, operation, CL_OPERATION);
  store<u32>(record, <u32>file, CL_FILE);
  store<u32>(record, channel, CL_CHANNEL);
  store<u32>(record, 0, CL_NEXT);
  store<u32>(record, rights ? <u32>buffer : 0, CL_BUFFER);
  store<u32>(record, rights ? count : 0, CL_LENGTH);
  store<u32>(record, rights, CL_RIGHTS);
  store<u32>(record, rights ? count : <i32>buffer, CL_ARGUMENT0);
  store<u32>(record, rights ? 0 : count, CL_ARGUMENT1);
  store<f64>(record, 0, CL_DEADLINE);
  if (!load<u32>(ep, EP_CURRENT)) {
    send(ep, channel, client);
  } else {
    const tail = load<u32>(ep, EP_TAIL);
    if (tail) store<u32>(client_at(tail - 1), client + 1, CL_NEXT);
    else store<u32>(ep, client + 1, EP_HEAD);
    store<u32>(ep, client + 1, EP_TAIL);
  }
  return PARKED;
}

// @ts-ignore: decorator
@inline
function send(ep: usize, channel: i32, client: i32): void {
  const record = client_at(client);
  const ch = channel_at(channel);
  const file = <usize>load<u32>(record, CL_FILE);
  const sequence = load<u32>(ep, EP_SEQUENCE) + 1;
  store<u32>(ch, load<u32>(ep, EP_GENERATION), Q_GENERATION);
  store<u32>(ch, load<u32>(record, CL_OPERATION), Q_OPERATION);
  store<u32>(ch, load<u32>(record, CL_BUFFER), Q_GRANT_ADDRESS);
  store<u32>(ch, load<u32>(record, CL_LENGTH), Q_GRANT_LENGTH);
  store<u32>(ch, load<u32>(record, CL_RIGHTS), Q_GRANT_RIGHTS);
  store<u32>(ch, load<u32>(record, CL_ARGUMENT0), Q_ARGUMENT0);
  store<u32>(ch, load<u32>(record, CL_ARGUMENT1), Q_ARGUMENT1);
  if (file) {
    store<u32>(ch, load<u32>(file, FILE_HANDLE), Q_HANDLE);
    store<u32>(
      ch,
      (load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_MAJOR) << 8) | load<u32>(file, FILE_MODE),
      Q_MINOR,
    );
    store<i64>(ch, load<i64>(file, FILE_POSITION), Q_POSITION);
  }
  store<u32>(ep, sequence, EP_SEQUENCE);
  store<u32>(ep, client + 1, EP_CURRENT);
  atomic.store<u32>(ch, sequence, Q_SEQUENCE);
  if (atomic.load<u32>(ch, D_SLEEPING)) atomic.notify(ch + Q_SEQUENCE, 1);
}

/** Whether the request in flight has been answered. */
// @ts-ignore: decorator
@inline
export function endpoint_answered(channel: i32): bool {
  const ep = endpoint_at(channel);
  return (
    load<u32>(ep, EP_CURRENT) != 0 &&
    atomic.load<u32>(channel_at(channel), R_SEQUENCE) == load<u32>(ep, EP_SEQUENCE)
  );
}

/** Takes the reply, checks it, finishes the caller's system call and sends the next request. */
export function endpoint_reply(channel: i32): void {
  const ep = endpoint_at(channel);
  const ch = channel_at(channel);
  const client = <i32>load<u32>(ep, EP_CURRENT) - 1;
  const record = client_at(client);
  const file = <usize>load<u32>(record, CL_FILE);
  const operation = <i32>load<u32>(record, CL_OPERATION);
  const status = load<i32>(ch, R_STATUS);
  const position = load<i64>(ch, R_POSITION);
  if (load<u32>(ch, R_GENERATION) != load<u32>(ep, EP_GENERATION))
    return protocol_error(channel, operation, status, 0);
  const most =
    operation == OP_READ || operation == OP_WRITE
      ? load<i32>(record, CL_ARGUMENT0)
      : operation == OP_IOCTL || operation == OP_ECHO || operation == OP_LLSEEK
        ? i32.MAX_VALUE
        : 0;
  if (status > most || status < -MAX_ERRNO || position < 0)
    return protocol_error(channel, operation, status, most);
  if (file) {
    store<i64>(file, position, FILE_POSITION);
    if (operation == OP_OPEN) store<u32>(file, load<u32>(ch, R_HANDLE), FILE_HANDLE);
  }
  store<u32>(ep, 0, EP_CURRENT);
  const leaves = operation == OP_CLEANUP && status >= 0;
  const next = <i32>load<u32>(ep, EP_HEAD) - 1;
  if (next >= 0 && !leaves) {
    const behind = load<u32>(client_at(next), CL_NEXT);
    store<u32>(ep, behind, EP_HEAD);
    if (!behind) store<u32>(ep, 0, EP_TAIL);
    send(ep, channel, next);
  }
  if (leaves) unloaded(channel);
  else if (operation == OP_CLEANUP) store<u32>(endpoint_module(channel), MODULE_LIVE, MOD_STATE);
  if (complete(client, status)) answer_client(client, false);
}

function protocol_error(channel: i32, operation: i32, status: i32, most: i32): void {
  const mod = endpoint_module(channel);
  pr(
    LEVEL_ERR,
    cstr('%s: bad reply to operation %d: status %d, at most %d was asked for'),
    mod ? mod + MOD_NAME : cstr('endpoint'),
    operation,
    status,
    most,
  );
  complain(channel, endpoint_generation(channel), COMPLAINT_PROTOCOL);
  endpoint_die(channel, EIO, EIO);
}

/** A module has run its cleanup: whatever the kernel still has of it goes, and whoever is in the queue is answered. */
function unloaded(channel: i32): void {
  const ep = endpoint_at(channel);
  const mod = endpoint_module(channel);
  resources_remove(mod, channel + 1);
  module_gone(mod);
  atomic.add<u32>(channel_at(channel), 1, K_GENERATION);
  store<u32>(ep, DYING);
  store<u32>(ep, EIO | (EIO << 16), EP_ERROR);
  endpoint_bury(channel);
}

/**
 * Gives an incarnation up: raises the fence at once, then answers everybody who waits.
 * @param error errno of the request in flight
 */
export function endpoint_die(channel: i32, error: i32, others: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) != UP) return;
  atomic.add<u32>(channel_at(channel), 1, K_GENERATION);
  store<u32>(ep, DYING);
  store<u32>(ep, error | (others << 16), EP_ERROR);
  const mod = endpoint_module(channel);
  // One that dies while it is loaded or unloaded has no successor: its devices have nobody to wait for.
  const state = mod ? load<u32>(mod, MOD_STATE) : MODULE_LIVE;
  if (state == MODULE_COMING || state == MODULE_GOING) resources_remove(mod, channel + 1);
  else resources_orphan(channel + 1);
  if (mod) {
    pr(LEVEL_WARNING, cstr('%s: driver died, generation %u'), mod + MOD_NAME, load<u32>(ep, EP_GENERATION));
    module_gone(mod);
  }
  endpoint_bury(channel);
}

/** Answers those who waited for a dead endpoint, unless a copy of the old incarnation is still under way. */
export function endpoint_bury(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) != DYING || atomic.load<u32>(channel_at(channel), D_COPYING)) return;
  store<u32>(ep, DEAD);
  gate_release(channel);
  let client = <i32>load<u32>(ep, EP_CURRENT) - 1;
  let next = <i32>load<u32>(ep, EP_HEAD) - 1;
  let error = <i32>(load<u32>(ep, EP_ERROR) & 0xffff);
  store<u32>(ep, 0, EP_CURRENT);
  store<u32>(ep, 0, EP_HEAD);
  store<u32>(ep, 0, EP_TAIL);
  while (client >= 0 || next >= 0) {
    if (client < 0) {
      client = next;
      next = <i32>load<u32>(client_at(client), CL_NEXT) - 1;
    }
    if (complete(client, -error)) answer_client(client, false);
    error = <i32>(load<u32>(ep, EP_ERROR) >> 16);
    client = -1;
  }
}

/** Whether the incarnation itself or the supervisor says that it is gone; if so it is given up. */
export function endpoint_obituary(channel: i32): void {
  const ep = endpoint_at(channel);
  if (load<u32>(ep) == DYING) return endpoint_bury(channel);
  const ch = channel_at(channel);
  if (load<u32>(ep) != UP) {
    // Given up before it was adopted: the next one must not have its generation.
    const held = atomic.load<u32>(ch, K_GENERATION);
    if (atomic.load<u32>(ch, S_OBITUARY) == held) atomic.store<u32>(ch, held + 1, K_GENERATION);
    return;
  }
  const generation = load<u32>(ep, EP_GENERATION);
  if (atomic.load<u32>(ch, D_GONE) == generation || atomic.load<u32>(ch, S_OBITUARY) == generation) {
    endpoint_die(channel, EIO, EIO);
  }
}
