// Ringing the kernel. Whoever has something for the kernel's thread writes it, then rings; the notification is sent only
// when the kernel says that it sleeps. Sequentially consistent on both sides, so no wake-up is lost: the kernel sets its
// flag before it looks a last time, a ringer counts before it reads the flag.

import { M_DOORBELL, M_SLEEPING } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';

const DOORBELL = (MACHINE_BASE + M_DOORBELL) >> 2;
const SLEEPING = (MACHINE_BASE + M_SLEEPING) >> 2;

/** For everything but a reply, for which the driver loop rings a kernel that sleeps. */
export function ring(kernel: Int32Array): void {
  Atomics.add(kernel, DOORBELL, 1);
  if (Atomics.load(kernel, SLEEPING) !== 0) Atomics.notify(kernel, DOORBELL);
}
