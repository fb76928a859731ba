// Calls of symbols between domains: a driver calls a function that another driver exports. The caller's host has put the arguments
// and the contents of input buffers into the caller's gate buffer (gate-buffer.ts), in the kernel's memory. The request grants
// the callee that buffer, and nothing else. It is split-phase like every request: the caller's thread waits, the kernel does not.
//
// For the called endpoint the caller is a client like any other: client MAX_CLIENTS + its channel.

import { C_SEQUENCE, GATE_SYMBOL, GRANT_READ, GRANT_WRITE, K_GATE, TRANSPORT_GATE } from '../abi/channel';
import { MAX_CHANNELS } from '../abi/limits';
import { MAX_CLIENTS } from '../abi/map';
import { OP_SYMBOL, SYS_SYMBOL } from '../abi/operation';
import { MOD_ENDPOINT, MOD_NAME, SYM_OWNER, SYM_VALUE } from '../abi/module';
import { EAGAIN, EDEADLK, EINVAL, EIO, ENOENT, EPERM } from '../abi/errno';
import { LEVEL_ERR } from '../abi/log';
import { CL_CALL, client_at, PARKED } from '../fs/clients';
import { FIRST_GATE, request_at, request_fill, RQ_CHANNEL } from '../fs/requests';
import { driver_host_of } from '../module/domains';
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
  EP_TRANSPORT,
} from './endpoint';
import {
  gate_at,
  GATE_BUFFER,
  gate_busy,
  GATE_GENERATION,
  GATE_LENGTH,
  gate_release,
  GATE_SEQUENCE,
} from './gate-buffer';
import { endpoint_submit } from './submit';

/** The channel in a domain whose driver lives and has a call under way, or -1. A domain's thread has one call at a time. */
function calling_channel(host: u32): i32 {
  for (let channel = 0; channel < MAX_CHANNELS; channel++) {
    const lives = load<u32>(gate_at(channel), GATE_GENERATION) != 0;
    if (lives && gate_busy(channel) && driver_host_of(channel + 1) == host) return channel;
  }
  return -1;
}

/** Whether the domain of `callee` waits for that of `caller`, also indirectly. The thread of a pool waits for all its drivers. */
function waits_for(callee: i32, caller: i32): bool {
  const host = driver_host_of(caller + 1);
  for (let hops = 0; hops < MAX_CHANNELS; hops++) {
    const at = driver_host_of(callee + 1);
    if (at == host) return true;
    const caller_there = calling_channel(at);
    if (caller_there < 0) return false;
    callee = load<i32>(request_at(FIRST_GATE + caller_there), RQ_CHANNEL);
  }
  return true;
}

/**
 * Starts a call of the symbol `name` by the driver on `channel`.
 *
 * @param length bytes of the gate buffer that are in use
 * @returns PARKED, or -EAGAIN, -ENOENT, -EPERM (it has not imported it), -EIO (its owner is dead and has no successor yet),
 *   -EDEADLK, -EINVAL
 */
export function symbol_call(channel: i32, name: usize, length: i32): i32 {
  const gate = gate_at(channel);
  if (gate_busy(channel)) return -EAGAIN; // its only request record is in use
  const user = endpoint_module(channel);
  if (!user || length < GATE_SYMBOL + 4 || <u32>length > load<u32>(gate, GATE_LENGTH)) return -EINVAL;
  const symbol = find_symbol(name);
  if (!symbol) return -EIO; // its owner has died since the caller was loaded
  const owner = <usize>load<u32>(symbol, SYM_OWNER);
  if (!owner) return -ENOENT;
  if (!is_user(user, owner)) return -EPERM;
  const callee = <i32>load<u32>(owner, MOD_ENDPOINT) - 1;
  if (callee < 0 || callee >= MAX_CHANNELS) return -EIO;
  // A caller on this thread would wait for a driver that is loaded on this thread.
  const on_this_thread = load<u32>(endpoint_at(channel), EP_TRANSPORT) == TRANSPORT_GATE;
  if (on_this_thread && endpoint_loading(callee)) return -EIO;
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
  // Before it is sent, because a callee in a sandbox runs at once and may call back.
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
