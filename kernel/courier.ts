// The courier: carries requests out of a channel's ring into a driver's domain and replies back, without any JavaScript on the
// way of a call. It belongs to the host code around a driver (host/ipc/driver-side.ts): its memory is the kernel's, its imports
// are the domain's entry points, and the driver can reach neither it nor what it sees. It keeps no state of its own.

import { M_DOORBELL, M_SLEEPING } from './abi/machine';
import { MACHINE_BASE } from './abi/map';
import { OP_IOCTL, OP_OPEN } from './abi/operation';
import {
  D_CURRENT,
  K_GENERATION,
  MESSAGE_SIZE,
  Q_ARGUMENT0,
  Q_ARGUMENT1,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
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
    const slot = (next & (RING_SLOTS - 1)) * MESSAGE_SIZE;
    const q = ring + slot;
    let left = spins;
    let sequence = atomic.load<u32>(q, Q_SEQUENCE);
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
      const granted = load<u32>(q, Q_GRANT_RIGHTS) != 0;
      served = serve_ring(
        operation,
        load<u32>(q, Q_HANDLE),
        load<u32>(q, Q_MINOR),
        position,
        granted ? load<u32>(q, Q_GRANT_ADDRESS) : first,
        granted ? first : second,
      );
    }
    store<u32>(ch, 0, D_CURRENT);
    if (atomic.load<u32>(ch, K_GENERATION) != generation) return taken;
    taken = next;
    const r = ring + RING_HALF + slot;
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

/** Whether a submission waits behind `taken`. */
export function waiting(ring: usize, taken: u32): bool {
  const next = taken + 1;
  return atomic.load<u32>(ring + (next & (RING_SLOTS - 1)) * MESSAGE_SIZE, Q_SEQUENCE) == next;
}
