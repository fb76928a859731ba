// Every thread of a machine starts here.

import { runClientThread } from './client/client-thread.ts';
import { runDriverThread } from './driver/driver-thread.ts';
import { runKernelThread } from './kernel/kernel-thread.ts';
import type { ThreadKind } from './shared/platform.ts';
import type { ThreadRuntime } from './shared/protocol.ts';

const KINDS: Record<ThreadKind, (runtime: ThreadRuntime) => void> = {
  kernel: runKernelThread,
  driver: runDriverThread,
  client: runClientThread,
};

export function runThread(kind: ThreadKind, runtime: ThreadRuntime): void {
  KINDS[kind](runtime);
}
