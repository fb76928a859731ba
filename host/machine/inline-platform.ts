// A platform without threads: kernel, clients and supervisor share one event loop. For a page that is not cross-origin isolated,
// where memory cannot be shared between threads. A message arrives in a later task and is not copied.
//
// A hang of one is a hang of all, and nothing is left to notice it. There are no driver threads: such a driver would wait for the
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
  let hasEnded = false;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const terminate = (): void => {
    hasEnded = true;
    end();
  };
  const [outside, inside] = portPair(() => hasEnded);
  runThread(kind, { port: inside, copies: portableCopies, exit: terminate, ended });
  return { kind, port: outside, ended, terminate };
}

type Listener = Parameters<Port['addEventListener']>[1];

/** Two ports that are connected until `ended` says that the thread at one of them has ended. */
function portPair(ended: () => boolean): [Port, Port] {
  const ends = [new Set<Listener>(), new Set<Listener>()] as const;
  const portOf = (own: Set<Listener>, other: Set<Listener>): Port => ({
    postMessage: (data) =>
      void nextTask().then(() => {
        if (!ended()) for (const listener of [...other]) listener({ data });
      }),
    addEventListener: (_, listener) => void own.add(listener),
    removeEventListener: (_, listener) => void own.delete(listener),
  });
  return [portOf(...ends), portOf(ends[1], ends[0])];
}
