// Calls of symbols between domains: a driver calls a function that another driver exports. The caller's host has put the
// arguments and what its input buffers hold into the caller's gate buffer, in the kernel's memory; the callee's request
// grants it that buffer, and nothing else. Split-phase like every request: the caller's thread waits, the kernel does not.
//
// For the endpoint that is called, the caller is a client like any other: client MAX_CLIENTS + its channel.

import {
  A_SEQUENCE,
  A_STATUS,
  C_SEQUENCE,
  D_COPYING,
  GATE_MOST,
  GATE_SYMBOL,
  GRANT_READ,
  GRANT_WRITE,
  K_EXCUSES,
  K_GATE,
  TRANSPORT_GATE,
} from '../abi/channel';
import { MAX_CHANNELS } from '../abi/limits';
import { MAX_CLIENTS } from '../abi/map';
import { OP_SYMBOL, SYS_SYMBOL } from '../abi/operation';
import { MOD_ENDPOINT, MOD_NAME, SYM_OWNER, SYM_VALUE } from '../abi/module';
import { EAGAIN, EDEADLK, EINVAL, EIO, ENOENT, ENOMEM, EPERM, ETIMEDOUT } from '../abi/errno';
import { LEVEL_ERR } from '../abi/log';
import { CL_CALL, CL_RESULT, client_at, PARKED } from '../fs/clients';
import { FIRST_GATE, request_at, request_fill, RQ_CHANNEL } from '../fs/requests';
import { kfree, kmalloc_for } from '../mm/kmalloc';
import { home_of } from '../module/domains';
import { find_symbol } from '../module/symbols';
import { is_user } from '../module/uses';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import {
  channel_at,
  endpoint_at,
  endpoint_generation,
  endpoint_loading,
  endpoint_module,
  endpoint_submit,
  EP_DEADLINE,
  EP_TRANSPORT,
} from './endpoint';

// A channel's gate.
const GATE_BUFFER = 0; // in the kernel's heap, 0 where it has made no such call
const GATE_LENGTH = 4;
const GATE_GENERATION = 8; // of the incarnation whose call is under way
const GATE_SEQUENCE = 12; // of that call
const GATE_RECORD = 16;

const gates = memory.data(MAX_CHANNELS * GATE_RECORD);


@inline
function gate_at(channel: i32): usize {
  return gates + channel * GATE_RECORD;
}

/** Whether a call by the driver on this channel is under way. */
export function gate_busy(channel: i32): bool {
  return load<u32>(client_at(MAX_CLIENTS + channel), CL_CALL) != 0;
}

/** A gate buffer of at least `length` bytes. @returns its address, -EAGAIN, -EINVAL or -ENOMEM */
export function gate_buffer(channel: i32, length: i32): i32 {
  const gate = gate_at(channel);
  if (gate_busy(channel)) return -EAGAIN; // no honest driver asks in the middle of a call
  if (length <= 0) return -EINVAL;
  if (length > GATE_MOST) return -ENOMEM;
  if (<u32>length > load<u32>(gate, GATE_LENGTH)) {
    const buffer = kmalloc_for(0, length);
    if (!buffer) return -ENOMEM;
    kfree(load<u32>(gate, GATE_BUFFER));
    store<u32>(gate, <u32>buffer, GATE_BUFFER);
    store<u32>(gate, length, GATE_LENGTH);
  }
  return load<i32>(gate, GATE_BUFFER);
}

/** The incarnation on this channel is gone: its buffer goes, unless the one it has called may still write to it. */
export function gate_release(channel: i32): void {
  const gate = gate_at(channel);
  store<u32>(gate, 0, GATE_GENERATION);
  if (gate_busy(channel) || atomic.load<u32>(channel_at(channel), D_COPYING)) return;
  kfree(load<u32>(gate, GATE_BUFFER));
  store<u32>(gate, 0, GATE_BUFFER);
  store<u32>(gate, 0, GATE_LENGTH);
}

/** The channel in a domain whose driver lives and has a call under way, or -1: a domain's thread has one at a time. */
function calling(home: u32): i32 {
  for (let channel = 0; channel < MAX_CHANNELS; channel++) {
    const lives = load<u32>(gate_at(channel), GATE_GENERATION) != 0;
    if (lives && gate_busy(channel) && home_of(channel + 1) == home) return channel;
  }
  return -1;
}

/** Whether the domain of `callee` waits, by whatever detour, for that of `caller`: a pool's thread waits for all its drivers. */
function waits_for(callee: i32, caller: i32): bool {
  const home = home_of(caller + 1);
  for (let hops = 0; hops < MAX_CHANNELS; hops++) {
    const at = home_of(callee + 1);
    if (at == home) return true;
    const waiting = calling(at);
    if (waiting < 0) return false;
    callee = load<i32>(request_at(FIRST_GATE + waiting), RQ_CHANNEL);
  }
  return true;
}

/**
 * Starts a call of the symbol `name` by the driver on `channel`.
 *
 * @param length bytes of the gate buffer that are in use
 * @returns PARKED, or -EAGAIN, -ENOENT, -EPERM (it has not imported it), -EIO (its owner is dead, or its successor not yet
 *   there), -EDEADLK, -EINVAL
 */
export function symbol_call(channel: i32, name: usize, length: i32): i32 {
  const gate = gate_at(channel);
  if (gate_busy(channel)) return -EAGAIN; // its one record is in a queue already
  const user = endpoint_module(channel);
  if (!user || length < GATE_SYMBOL + 4 || <u32>length > load<u32>(gate, GATE_LENGTH)) return -EINVAL;
  const symbol = find_symbol(name);
  if (!symbol) return -EIO; // it was there when the caller was loaded
  const owner = <usize>load<u32>(symbol, SYM_OWNER);
  if (!owner) return -ENOENT;
  if (!is_user(user, owner)) return -EPERM;
  const callee = <i32>load<u32>(owner, MOD_ENDPOINT) - 1;
  if (callee < 0 || callee >= MAX_CHANNELS) return -EIO;
  // One that waits on this thread keeps its owner from being loaded on it.
  const here = load<u32>(endpoint_at(channel), EP_TRANSPORT) == TRANSPORT_GATE;
  if (here && endpoint_loading(callee)) return -EIO;
  if (waits_for(callee, channel)) {
    pr(LEVEL_ERR, cstr('%s: calling %s of %s would be a deadlock'), user + MOD_NAME, name, owner + MOD_NAME);
    return -EDEADLK;
  }
  const client = MAX_CLIENTS + channel;
  const buffer = <usize>load<u32>(gate, GATE_BUFFER);
  store<u32>(buffer, load<u32>(symbol, SYM_VALUE), GATE_SYMBOL);
  store<u32>(gate, endpoint_generation(channel), GATE_GENERATION);
  store<u32>(gate, atomic.load<u32>(channel_at(channel), C_SEQUENCE), GATE_SEQUENCE);
  request_fill(client, OP_SYMBOL, 0, buffer, length, GRANT_READ | GRANT_WRITE);
  // Before it is sent: one in a sandbox runs at once, and may call back.
  store<u32>(client_at(client), SYS_SYMBOL, CL_CALL);
  const started = endpoint_submit(client, callee);
  if (started == PARKED) {
    atomic.store<u32>(channel_at(channel), 1, K_GATE);
    return PARKED;
  }
  store<u32>(client_at(client), 0, CL_CALL);
  if (!load<u32>(gate, GATE_GENERATION)) gate_release(channel); // the caller has died meanwhile
  return started;
}

/** The answer to a driver's call is there; nobody may be left to hear it. */
export function answer_gate(channel: i32): void {
  const gate = gate_at(channel);
  const ch = channel_at(channel);
  const status = load<i32>(client_at(MAX_CLIENTS + channel), CL_RESULT);
  const generation = load<u32>(gate, GATE_GENERATION);
  if (!generation || generation != endpoint_generation(channel)) {
    gate_release(channel);
  } else {
    if (status == -ETIMEDOUT || status == -EIO) excuse(channel);
    store<i32>(ch, status, A_STATUS);
    atomic.store<u32>(ch, load<u32>(gate, GATE_SEQUENCE), A_SEQUENCE);
    atomic.notify(ch + A_SEQUENCE, 1);
  }
  atomic.store<u32>(ch, 0, K_GATE);
}

/** The one that a driver has called died over it: whoever waits for the caller begins to wait anew. */
function excuse(channel: i32): void {
  atomic.add<u32>(channel_at(channel), 1, K_EXCUSES);
  store<f64>(endpoint_at(channel), 0, EP_DEADLINE);
}
