// Threads that are none: a kernel and its clients beside their supervisor, in one event loop, where memory cannot be shared
// with another thread (a page that is not cross-origin isolated). A message arrives in a later task and is not copied.
//
// A hang of one is a hang of all, and nobody is left to notice it. No driver has such a thread: it would have to wait for the
// kernel while the kernel waits for it.

import { portableCopies } from '../ipc/copy.ts';
import type { Platform, Port, Thread, ThreadKind } from './shared/platform.ts';
import { nextTask } from './shared/task.ts';
import { runThread } from './thread.ts';

/** A platform without threads of its own. */
export function inlinePlatform(surroundings: Omit<Platform, 'spawn'>): Platform {
  return { ...surroundings, spawn };
}

async function spawn(kind: ThreadKind): Promise<Thread> {
  if (kind === 'driver') throw new Error('memory cannot be shared with another thread here');
  let over = false;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const terminate = (): void => {
    over = true;
    end();
  };
  const [outside, inside] = portPair(() => over);
  runThread(kind, { port: inside, copies: portableCopies, exit: terminate, ended });
  return { kind, port: outside, ended, terminate };
}

type Listener = Parameters<Port['addEventListener']>[1];

/** Two ports that are connected until `over` says that nobody is at one of them any more. */
function portPair(over: () => boolean): [Port, Port] {
  const ends = [new Set<Listener>(), new Set<Listener>()] as const;
  const portOf = (own: Set<Listener>, other: Set<Listener>): Port => ({
    postMessage: (data) =>
      void nextTask().then(() => {
        if (!over()) for (const listener of [...other]) listener({ data });
      }),
    addEventListener: (_, listener) => void own.add(listener),
    removeEventListener: (_, listener) => void own.delete(listener),
  });
  return [portOf(...ends), portOf(ends[1], ends[0])];
}
