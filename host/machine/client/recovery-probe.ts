// Measures a recovery as a client sees it. The client makes the call that provokes the fault, or waits for a fault that another
// client provokes. Then it opens and reads the device until that succeeds. It runs in the client's own thread, so there is no
// other thread between it and the kernel.
//
// Times are ms since 1970 by the clock that all threads share (performance.timeOrigin and now()).

import type { ClientSide } from '../../ipc/client-side.ts';
import { O_RDONLY, O_RDWR, SYS_CLOSE, SYS_OPEN, SYS_READ, SYS_WRITE } from '../../../kernel/abi/operation.ts';
import { clock, nextTask } from '../shared/task.ts';
import type { RecoveryProbe } from '../shared/types.ts';
import type { WaitStrategy } from './wait-strategy.ts';

/** ms between two tries: without a pause this thread and the kernel's would take both cores from the recovery. */
const RETRY_MS = 0.05;
/** Tries after which the event loop gets a turn. */
const TRIES_PER_TASK = 50;

async function open({ call }: WaitStrategy, side: ClientSide, path: string, flags: number): Promise<number> {
  side.putPath(path);
  return (await call(side, SYS_OPEN, side.address, flags)).result;
}

/** Opens, reads and closes the device. @returns when the read succeeded, in ms since 1970; null where it did not */
async function tryRead(
  wait: WaitStrategy,
  side: ClientSide,
  path: string,
  bytes: number,
): Promise<number | null> {
  const fd = await open(wait, side, path, O_RDONLY);
  if (fd < 0) return null;
  const { result } = await wait.call(side, SYS_READ, fd, side.address, bytes);
  const at = clock();
  if (!side.abandoned) await wait.call(side, SYS_CLOSE, fd);
  return result === bytes ? at : null;
}

/**
 * @param kernel  the client's end of the kernel that it is attached to now
 * @param next    resolves when it is attached to another kernel than that of `side`
 * @param order   is written to the device; empty where the fault comes from elsewhere
 * @param bytes   the result of a good read
 */
export async function probeRecovery(
  wait: WaitStrategy,
  kernel: () => ClientSide,
  next: (side: ClientSide) => Promise<void>,
  { path, order, bytes, patienceMs }: { path: string; order: Uint8Array; bytes: number; patienceMs: number },
): Promise<RecoveryProbe> {
  let side = kernel();
  for (; side.abandoned; side = kernel()) await next(side); // an earlier fault has ended the kernel
  // A file that was open before the fault fails after it. That shows the fault also where this thread did not run meanwhile.
  let old = await open(wait, side, path, order.length > 0 ? O_RDWR : O_RDONLY);
  if (old < 0 && order.length > 0) throw new Error(`the device cannot be opened (errno ${-old}): ${path}`);
  side.buffer.set(order);
  const probe: RecoveryProbe = { calledAt: clock(), failedAt: null, goodAt: null, tries: 0 };
  if (old < 0) probe.failedAt = probe.calledAt; // the fault came before the open
  if (order.length > 0) {
    const { result } = await wait.call(side, SYS_WRITE, old, side.address, order.length);
    if (result < 0) probe.failedAt = clock();
  }
  while (clock() - probe.calledAt < patienceMs) {
    if (side.abandoned) {
      probe.failedAt ??= clock();
      await next(side);
      side = kernel();
      old = -1;
      continue;
    }
    probe.tries++;
    if (probe.failedAt === null && old >= 0) {
      const { result } = await wait.call(side, SYS_READ, old, side.address, bytes);
      if (result < 0) probe.failedAt = clock();
    }
    const good = await tryRead(wait, side, path, bytes);
    if (good !== null && probe.failedAt !== null) {
      probe.goodAt = good;
      break;
    }
    if (good === null) probe.failedAt ??= clock();
    await wait.pause(RETRY_MS);
    if (probe.tries % TRIES_PER_TASK === 0) await nextTask();
  }
  if (old >= 0 && !side.abandoned) await wait.call(side, SYS_CLOSE, old);
  return probe;
}
