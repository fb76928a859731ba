// The gate buffer of a channel, through which its driver calls functions of other drivers (symbols.ts), and the record of the call
// that is under way.

import { A_SEQUENCE, A_STATUS, D_COPYING, GATE_MOST, K_EXCUSES, K_GATE } from '../abi/channel';
import { MAX_CHANNELS } from '../abi/limits';
import { MAX_CLIENTS } from '../abi/map';
import { EAGAIN, EINVAL, EIO, ENOMEM, ETIMEDOUT } from '../abi/errno';
import { CL_CALL, CL_RESULT, client_at } from '../fs/clients';
import { kfree, kmalloc_for } from '../mm/kmalloc';
import { channel_at, endpoint_at, endpoint_generation, EP_DEADLINE } from './endpoint';

// A channel's record.
export const GATE_BUFFER = 0; // in the kernel's heap, 0 before the first such call
export const GATE_LENGTH = 4;
export const GATE_GENERATION = 8; // of the calling incarnation
export const GATE_SEQUENCE = 12; // of that call
const GATE_RECORD = 16;

const gates = memory.data(MAX_CHANNELS * GATE_RECORD);

// @ts-ignore: decorator
@inline
export function gate_at(channel: i32): usize {
  return gates + channel * GATE_RECORD;
}

/** Whether a call by the driver on this channel is under way. */
export function gate_busy(channel: i32): bool {
  return load<u32>(client_at(MAX_CLIENTS + channel), CL_CALL) != 0;
}

/** A gate buffer of at least `length` bytes. @returns its address, -EAGAIN, -EINVAL or -ENOMEM */
export function gate_buffer(channel: i32, length: i32): i32 {
  const gate = gate_at(channel);
  if (gate_busy(channel)) return -EAGAIN; // a driver must not ask during a call
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

/** Frees the buffer of an incarnation that has ended, unless the driver that it has called may still write to it. */
export function gate_release(channel: i32): void {
  const gate = gate_at(channel);
  store<u32>(gate, 0, GATE_GENERATION);
  if (gate_busy(channel) || atomic.load<u32>(channel_at(channel), D_COPYING)) return;
  kfree(load<u32>(gate, GATE_BUFFER));
  store<u32>(gate, 0, GATE_BUFFER);
  store<u32>(gate, 0, GATE_LENGTH);
}

/** Answers a driver's call, if the incarnation that made it still lives. */
export function answer_gate(channel: i32): void {
  const gate = gate_at(channel);
  const ch = channel_at(channel);
  const status = load<i32>(client_at(MAX_CLIENTS + channel), CL_RESULT);
  const generation = load<u32>(gate, GATE_GENERATION);
  if (!generation || generation != endpoint_generation(channel)) {
    gate_release(channel);
  } else {
    if (status == -ETIMEDOUT || status == -EIO) extend_deadline(channel);
    store<i32>(ch, status, A_STATUS);
    atomic.store<u32>(ch, load<u32>(gate, GATE_SEQUENCE), A_SEQUENCE);
    atomic.notify(ch + A_SEQUENCE, 1);
  }
  atomic.store<u32>(ch, 0, K_GATE);
}

/** The called driver has died: the deadline of the requests that wait for the caller starts again. */
function extend_deadline(channel: i32): void {
  atomic.add<u32>(channel_at(channel), 1, K_EXCUSES);
  store<f64>(endpoint_at(channel), 0, EP_DEADLINE);
}
