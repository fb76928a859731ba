// The code of every thread in Node: what kind it is comes with its birth, and with that a word for its number in the system.

import { readlinkSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { basename } from 'node:path';
import { multiMemoryCopies, type Copies } from '../ipc/copy.ts';
import { runThread } from '../machine/thread.ts';
import type { ThreadKind } from '../machine/shared/platform.ts';
import { portOf } from './node-port.ts';

/** Below this many bytes TypedArray.set is the faster of the two. */
const SMALL = 1024;

/** One direction, as fast as Node 20 can: Buffer.fill with a view is a native memory copy, TypedArray.set is not. */
function nativeCopy(
  target: Uint8Array,
  source: Uint8Array,
): (to: number, from: number, count: number) => void {
  const buffer = Buffer.from(target.buffer);
  return (to, from, count) => {
    const [start, first, length] = [to >>> 0, from >>> 0, count >>> 0];
    const bytes = source.subarray(first, first + length);
    if (length < SMALL) target.set(bytes, start);
    else buffer.fill(bytes, start, start + length);
  };
}

function copies(kernel: WebAssembly.Memory, domain: WebAssembly.Memory): Copies {
  const native = multiMemoryCopies(kernel, domain);
  if (native) return native;
  const outside = new Uint8Array(kernel.buffer);
  const inside = new Uint8Array(domain.buffer);
  return { out: nativeCopy(outside, inside), in: nativeCopy(inside, outside) };
}

export interface Birth {
  kind: ThreadKind;
  /** The thread's number, by which /proc knows it; 0 where there is none. */
  number: Int32Array;
}

if (!parentPort) throw new Error('node-thread.js is the code of a worker thread');
const { kind, number } = workerData as Birth;
if (process.platform === 'linux')
  Atomics.store(number, 0, Number(basename(readlinkSync('/proc/thread-self'))));
runThread(kind, {
  port: portOf(parentPort),
  copies,
  exit: (code) => process.exit(code),
});
