// The driver loop: carries requests out of a channel's ring into a driver's domain and replies back, and bytes between the driver's
// memory and what its request grants, without any JavaScript on the way of a call. It belongs to the host code around a driver
// (host/ipc/driver-side.ts): its memory is the kernel's, its imports are the domain's entry points, and the driver can reach
// neither it nor what it sees. It keeps no state of its own.

import { M_DOORBELL, M_SLEEPING } from './abi/machine';
import { MACHINE_BASE } from './abi/map';
import { OP_IOCTL, OP_OPEN, OP_READ, OP_WRITE } from './abi/operation';
import {
  COPY_DONE,
  COPY_FENCED,
  COPY_REFUSED,
  D_COPYING,
  D_CURRENT,
  D_HEART,
  GRANT_READ,
  GRANT_WRITE,
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
  R_TAG,
  RING_HALF,
  RING_SLOTS,
  RING_STRIDE,
} from './abi/channel';

/** The domain's entry points, see ipc/serve.ts. @returns status, and by how much the position has moved */
@external("host", "serve_ring")
declare function serve_ring(
  operation: i32,
  handle: usize,
  device: u32,
  position: i64,
  buffer: usize,
  count: i32,
): i64;


@external("host", "served_handle")
declare function served_handle(): usize;

// Words and bytes of the domain's memory.

@external("host", "peek")
declare function peek(address: usize): i64;


@external("host", "poke")
declare function poke(address: usize, word: i64): void;


@external("host", "peek_byte")
declare function peek_byte(address: usize): u32;


@external("host", "poke_byte")
declare function poke_byte(address: usize, byte: u32): void;

// The runtime's own copies, domain -> kernel and kernel -> domain (host/ipc/copy.ts).

@external("host", "bulk_out")
declare function bulk_out(to: usize, from: usize, count: usize): void;


@external("host", "bulk_in")
declare function bulk_in(to: usize, from: usize, count: usize): void;

/** Operations that are not the device's. */
@external("host", "special")
declare function special(operation: i32, argument0: i32, argument1: i32): i32;

/** Requests of one turn: no engine replaces code that is running, so a turn must end for a better one to be used. */
const LONGEST_TURN = 256;

/**
 * Serves what comes on the channel at `ch`, as long as the next request is there within `spins` looks.
 *
 * @param ring address of the channel's rings
 * @param taken sequence of the last submission that was taken; the last reply has the same
 * @returns the same for the next turn; unchanged where nothing came
 */
export function turn(ch: usize, ring: usize, generation: u32, taken: u32, spins: i32): u32 {
  for (let i = 0; i < LONGEST_TURN; i++) {
    const next = taken + 1;
    const slot = (next & (RING_SLOTS - 1)) * RING_STRIDE;
    const q = ring + slot;
    let left = spins;
    const r = ring + RING_HALF + slot;
    let sequence = atomic.load<u32>(q, Q_SEQUENCE);
    if (sequence != next) store<u32>(r, generation, R_GENERATION); // fetches the answer's line while there is time
    while (sequence != next && --left > 0) sequence = atomic.load<u32>(q, Q_SEQUENCE);
    if (sequence != next || load<u32>(q, Q_GENERATION) != generation) return taken;
    const operation = load<i32>(q, Q_OPERATION);
    const first = load<i32>(q, Q_ARGUMENT0);
    const second = load<i32>(q, Q_ARGUMENT1);
    store<u32>(ch, <u32>q, D_CURRENT);
    const position = load<i64>(q, Q_POSITION);
    let served: i64;
    if (operation > OP_IOCTL) {
      served = <i64>(<u32>special(operation, first, second));
    } else {
      const transfer = <u32>(operation - OP_READ) <= <u32>(OP_WRITE - OP_READ);
      served = serve_ring(
        operation,
        load<u32>(q, Q_HANDLE),
        load<u32>(q, Q_MINOR),
        position,
        transfer ? load<u32>(q, Q_GRANT_ADDRESS) : first,
        transfer ? first : second,
      );
    }
    store<u32>(ch, 0, D_CURRENT);
    if (atomic.load<u32>(ch, K_GENERATION) != generation) return taken;
    taken = next;
    store<u32>(r, generation, R_GENERATION);
    store<i32>(r, <i32>served, R_STATUS);
    store<i64>(r, position + (served >> 32), R_POSITION);
    if (operation == OP_OPEN) store<u32>(r, <u32>served_handle(), R_HANDLE);
    store<u32>(r, next, R_TAG);
    atomic.store<u32>(r, next, R_SEQUENCE);
    if (!atomic.load<u32>(MACHINE_BASE, M_SLEEPING)) continue;
    atomic.add<u32>(MACHINE_BASE, 1, M_DOORBELL);
    atomic.notify(MACHINE_BASE + M_DOORBELL, -1); // its event loop and its in-thread client may both wait
  }
  return taken;
}

/** Whether there is a submission after `taken`. */
export function has_submission(ring: usize, taken: u32): bool {
  const next = taken + 1;
  return atomic.load<u32>(ring + (next & (RING_SLOTS - 1)) * RING_STRIDE, Q_SEQUENCE) == next;
}

/** Bytes up to which a copy goes word by word, which is cheaper than a call out of wasm. */
const FEW: u32 = 192;

/**
 * Copies from the domain into the range that the request in progress grants.
 * @param own bytes of the domain's memory
 * @returns COPY_
 */
export function copy_out(ch: usize, generation: u32, own: u32, to: usize, from: usize, count: u32): i32 {
  const status = begin(ch, generation, own, to, from, count, GRANT_WRITE);
  if (status != COPY_DONE) return status;
  if (count > FEW) {
    bulk_out(to, from, count);
  } else {
    let done: u32 = 0;
    for (; done + 8 <= count; done += 8) store<i64>(to + done, peek(from + done));
    for (; done < count; done++) store<u8>(to + done, peek_byte(from + done));
  }
  return ended(ch);
}

/** Copies out of the range that the request in progress grants into the domain. */
export function copy_in(ch: usize, generation: u32, own: u32, to: usize, from: usize, count: u32): i32 {
  const status = begin(ch, generation, own, from, to, count, GRANT_READ);
  if (status != COPY_DONE) return status;
  if (count > FEW) {
    bulk_in(to, from, count);
  } else {
    let done: u32 = 0;
    for (; done + 8 <= count; done += 8) poke(to + done, load<i64>(from + done));
    for (; done < count; done++) poke_byte(to + done, load<u8>(from + done));
  }
  return ended(ch);
}

/** Whether the request in progress grants a range: the kernel has written the grant and does not touch it meanwhile. */
// @ts-ignore: decorator
@inline
function granted(ch: usize, address: usize, count: u32, right: u32): bool {
  const q = <usize>load<u32>(ch, D_CURRENT);
  if (!q || !(load<u32>(q, Q_GRANT_RIGHTS) & right)) return false;
  return within(address - load<u32>(q, Q_GRANT_ADDRESS), count, load<u32>(q, Q_GRANT_LENGTH));
}

// @ts-ignore: decorator
@inline
function within(offset: u32, count: u32, size: u32): bool {
  return count <= size && offset <= size - count;
}

/**
 * Checks a copy and announces it, for which a fence waits from then on; then looks at the fence.
 * @param outside in the kernel's memory
 * @param inside in the domain's
 * @returns COPY_DONE where it may go on
 */
// @ts-ignore: decorator
@inline
function begin(ch: usize, generation: u32, own: u32, outside: u32, inside: u32, count: u32, right: u32): i32 {
  if (!granted(ch, outside, count, right) || !within(inside, count, own)) return COPY_REFUSED;
  atomic.store<u32>(ch, 1, D_COPYING);
  if (atomic.load<u32>(ch, K_GENERATION) == generation) return COPY_DONE;
  atomic.store<u32>(ch, 0, D_COPYING);
  return COPY_FENCED;
}

// @ts-ignore: decorator
@inline
function ended(ch: usize): i32 {
  store<u32>(ch, load<u32>(ch, D_HEART) + 1, D_HEART);
  atomic.store<u32>(ch, 0, D_COPYING);
  return COPY_DONE;
}
