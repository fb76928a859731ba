// Every thread of a machine starts here.

import { runClientThread } from './client-thread.ts';
import { runDriverThread } from './driver-thread.ts';
import { runKernelThread } from './kernel-thread.ts';
import type { ThreadKind } from './platform.ts';
import type { ThreadRuntime } from './protocol.ts';

const KINDS: Record<ThreadKind, (host: ThreadRuntime) => void> = {
  kernel: runKernelThread,
  driver: runDriverThread,
  client: runClientThread,
};

export function runThread(kind: ThreadKind, host: ThreadRuntime): void {
  KINDS[kind](host);
}
