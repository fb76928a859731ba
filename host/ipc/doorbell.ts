// The kernel's doorbell. A sender writes its message, then rings. The notification is sent only when the kernel says that it
// sleeps. No wake-up is lost: the kernel sets its flag before it looks a last time, and a sender counts before it reads the flag,
// both with sequentially consistent atomics.

import { M_DOORBELL, M_SLEEPING } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';

const DOORBELL = (MACHINE_BASE + M_DOORBELL) >> 2;
const SLEEPING = (MACHINE_BASE + M_SLEEPING) >> 2;

/** Rings for all messages except a reply, for which the driver loop rings (kernel/driver-loop.ts). */
export function ring(kernel: Int32Array): void {
  Atomics.add(kernel, DOORBELL, 1);
  if (Atomics.load(kernel, SLEEPING) !== 0) Atomics.notify(kernel, DOORBELL);
}
