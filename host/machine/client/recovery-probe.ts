// What a client sees of a fault: it makes the call that provokes it, or waits for one that somebody else provokes, and then opens
// and reads the device until it is answered well. In the client's own thread, without anybody between it and the kernel.
//
// Times are ms since 1970 by the clock that all threads share (performance.timeOrigin and now()).

import type { ClientSide } from '../../ipc/client-side.ts';
import { O_RDONLY, O_RDWR, SYS_CLOSE, SYS_OPEN, SYS_READ, SYS_WRITE } from '../../../kernel/abi/operation.ts';
import { clock, nextTask } from '../shared/task.ts';
import type { RecoveryProbe } from '../shared/types.ts';
import type { WaitStrategy } from './wait-strategy.ts';

/** ms between two tries: two threads that ask and refuse without a break would take both cores from those who recover. */
const RETRY_MS = 0.05;
/** Tries between two looks at messages. */
const STRIDE = 50;

async function open({ call }: WaitStrategy, side: ClientSide, path: string, flags: number): Promise<number> {
  side.putPath(path);
  return (await call(side, SYS_OPEN, side.address, flags)).result;
}

/** Opens, reads, closes. @returns when a good answer came, in ms since 1970; null where none did */
async function answered(
  waiting: WaitStrategy,
  side: ClientSide,
  path: string,
  bytes: number,
): Promise<number | null> {
  const fd = await open(waiting, side, path, O_RDONLY);
  if (fd < 0) return null;
  const { result } = await waiting.call(side, SYS_READ, fd, side.address, bytes);
  const at = clock();
  if (!side.abandoned) await waiting.call(side, SYS_CLOSE, fd);
  return result === bytes ? at : null;
}

/**
 * @param machine the kernel that the client has now
 * @param next    resolves when it has another one than `side`
 * @param order   what is written to the device; empty where the fault comes from elsewhere
 * @param bytes   what a good read gives
 */
export async function probeRecovery(
  waiting: WaitStrategy,
  machine: () => ClientSide,
  next: (side: ClientSide) => Promise<void>,
  { path, order, bytes, patienceMs }: { path: string; order: Uint8Array; bytes: number; patienceMs: number },
): Promise<RecoveryProbe> {
  let side = machine();
  for (; side.abandoned; side = machine()) await next(side); // an earlier fault has taken the kernel along
  // Open from before the fault it answers nothing any more: that tells of a fault, however long this thread did not run.
  let old = await open(waiting, side, path, order.length > 0 ? O_RDWR : O_RDONLY);
  if (old < 0 && order.length > 0) throw new Error(`the device cannot be opened (errno ${-old}): ${path}`);
  side.buffer.set(order);
  const seen: RecoveryProbe = { calledAt: clock(), failedAt: null, goodAt: null, tries: 0 };
  if (old < 0) seen.failedAt = seen.calledAt; // somebody else's fault was faster
  if (order.length > 0) {
    const { result } = await waiting.call(side, SYS_WRITE, old, side.address, order.length);
    if (result < 0) seen.failedAt = clock();
  }
  while (clock() - seen.calledAt < patienceMs) {
    if (side.abandoned) {
      seen.failedAt ??= clock();
      await next(side);
      side = machine();
      old = -1;
      continue;
    }
    seen.tries++;
    if (seen.failedAt === null && old >= 0) {
      const { result } = await waiting.call(side, SYS_READ, old, side.address, bytes);
      if (result < 0) seen.failedAt = clock();
    }
    const good = await answered(waiting, side, path, bytes);
    if (good !== null && seen.failedAt !== null) {
      seen.goodAt = good;
      break;
    }
    if (good === null) seen.failedAt ??= clock();
    await waiting.pause(RETRY_MS);
    if (seen.tries % STRIDE === 0) await nextTask();
  }
  if (old >= 0 && !side.abandoned) await waiting.call(side, SYS_CLOSE, old);
  return seen;
}
