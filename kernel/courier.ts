// The courier: carries requests off a channel into a driver's domain and replies back, without any JavaScript on the way of a
// call. It belongs to the host code around a driver (host/ipc/driver-side.ts): its memory is the kernel's, its imports are
// the domain's entry points, and the driver can reach neither it nor what it sees. It keeps no state of its own.

import { M_DOORBELL, M_SLEEPING } from './abi/machine';
import { MACHINE_BASE } from './abi/map';
import { OP_IOCTL } from './abi/operation';
import {
  K_GENERATION,
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
} from './abi/channel';

/** The domain's entry points, see ipc/serve.ts. */
@external("host", "serve")
declare function serve(
  operation: i32,
  handle: usize,
  device: u32,
  position: i64,
  buffer: usize,
  count: i32,
): i32;


@external("host", "served_handle")
declare function served_handle(): usize;


@external("host", "served_position")
declare function served_position(): i64;

/** Operations that are not the device's. */
@external("host", "special")
declare function special(operation: i32, argument0: i32, argument1: i32): i32;

/** Requests of one turn: no engine replaces code that is running, so a turn must end for a better one to be used. */
const LONGEST_TURN = 64;

/**
 * Serves what comes on the channel at `ch`, as long as the next request is there within `spins` looks.
 *
 * @param taken sequence of the last request that was taken
 * @returns the same for the next turn; unchanged where nothing came
 */
export function turn(ch: usize, generation: u32, taken: u32, spins: i32): u32 {
  for (let served = 0; served < LONGEST_TURN; served++) {
    let left = spins;
    let sequence = atomic.load<u32>(ch, Q_SEQUENCE);
    while (sequence == taken && --left) sequence = atomic.load<u32>(ch, Q_SEQUENCE);
    if (sequence == taken || load<u32>(ch, Q_GENERATION) != generation) return taken;
    taken = sequence;
    const operation = load<i32>(ch, Q_OPERATION);
    const first = load<i32>(ch, Q_ARGUMENT0);
    const second = load<i32>(ch, Q_ARGUMENT1);
    let status: i32;
    if (operation > OP_IOCTL) {
      status = special(operation, first, second);
    } else {
      const granted = load<u32>(ch, Q_GRANT_RIGHTS) != 0;
      status = serve(
        operation,
        load<u32>(ch, Q_HANDLE),
        load<u32>(ch, Q_MINOR),
        load<i64>(ch, Q_POSITION),
        granted ? load<u32>(ch, Q_GRANT_ADDRESS) : first,
        granted ? first : second,
      );
    }
    if (atomic.load<u32>(ch, K_GENERATION) != generation) return taken;
    store<u32>(ch, generation, R_GENERATION);
    store<i32>(ch, status, R_STATUS);
    store<u32>(ch, <u32>served_handle(), R_HANDLE);
    store<i64>(ch, served_position(), R_POSITION);
    atomic.store<u32>(ch, taken, R_SEQUENCE);
    if (!atomic.load<u32>(MACHINE_BASE, M_SLEEPING)) continue;
    atomic.add<u32>(MACHINE_BASE, 1, M_DOORBELL);
    atomic.notify(MACHINE_BASE + M_DOORBELL, -1); // its event loop and its in-thread client may both wait
  }
  return taken;
}
