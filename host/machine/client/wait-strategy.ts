// How a client waits. A client in a thread of its own blocks, which is exact. A client that shares its event loop with the kernel
// waits in the event loop.

import type { CallResult, ClientSide } from '../../ipc/client-side.ts';
import type { MaybePromise } from '../shared/protocol.ts';
import { pause } from '../shared/task.ts';

export interface WaitStrategy {
  /** One system call. */
  call(
    side: ClientSide,
    number: number,
    a?: number,
    b?: number,
    c?: number,
    d?: number,
  ): MaybePromise<CallResult>;
  pause(ms: number): MaybePromise<void>;
}

/** A word that is never notified, to sleep on. */
let unnotified: Int32Array | null = null;

export const BLOCKING: WaitStrategy = {
  call: (side, ...words) => side.call(...words),
  pause(ms) {
    unnotified ??= new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(unnotified, 0, 0, ms);
  },
};

export const EVENT_LOOP: WaitStrategy = {
  call: (side, ...words) => side.callAsync(...words),
  pause,
};
