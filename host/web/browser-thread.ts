// The code of every thread in a browser: what kind it is, and which lock to hold for life, come with its name.

import { portableCopies } from '../ipc/copy.ts';
import type { Port } from '../machine/shared/platform.ts';
import { runThread } from '../machine/thread.ts';
import { partsOf } from './thread-name.ts';

const { kind, lock } = partsOf(self.name);
const port = self as unknown as Port;

// As in Node, where it ends the thread: the platform hears of an error, but not of a rejection.
self.addEventListener('unhandledrejection', ({ reason }) => reportError(reason));

void navigator.locks.request(lock, () => {
  runThread(kind, { port, copies: portableCopies, exit: () => self.close() });
  // Never: the browser releases the lock when this thread has ended.
  return new Promise<never>(() => undefined);
});
