// How a client waits: a thread of its own blocks, which is exact; one that shares its event loop with the kernel lets that go on.

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

/** Nobody notifies it. */
let never: Int32Array | null = null;

export const BLOCKING: WaitStrategy = {
  call: (side, ...words) => side.call(...words),
  pause(ms) {
    never ??= new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(never, 0, 0, ms);
  },
};

export const EVENT_LOOP: WaitStrategy = {
  call: (side, ...words) => side.eventually(...words),
  pause,
};
