// The control plane: Comlink, wrapped so that a call is rejected when the thread behind it dies (Comlink alone leaves it
// pending for ever), and so that refusals arrive as errors again.

import * as Comlink from 'comlink';
import { ModuleError } from '../domain/module-error.ts';
import type { Port, Thread } from './platform.ts';
import type { Answer, Notice } from './protocol.ts';

/** The machine that was asked does not live any longer. */
export class MachineDied extends Error {
  override readonly name = 'MachineDied';
}

/** The client was ended in its call, as Linux ends a task that oopsed. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

type Methods = Record<string, (...words: never[]) => unknown>;
export type Remote<T> = {
  [K in keyof T]: T[K] extends (...words: infer A) => infer R ? (...words: A) => Promise<Awaited<R>> : never;
};

/** A thread's methods, until it ends or `giveUp` is called. */
export class Control<T> {
  readonly methods: Remote<T>;
  private readonly died: Promise<never>;
  private fail: (error: Error) => void = () => {};

  constructor(thread: Thread) {
    this.died = new Promise((_, reject) => (this.fail = reject));
    this.died.catch(() => {}); // it is raced by calls only
    void thread.ended.then(() => this.fail(new MachineDied(`thread has ended: ${thread.kind}`)));
    const remote = Comlink.wrap(thread.port) as unknown as Methods;
    this.methods = new Proxy({} as Remote<T>, {
      get: (_, name) =>
        typeof name === 'string' && name !== 'then'
          ? (...words: never[]) => Promise.race([remote[name]!(...words), this.died])
          : undefined,
    });
  }

  /** Rejects every call that is waiting, and every later one. */
  giveUp(why: string): void {
    this.fail(new MachineDied(why));
  }
}

/** The value of an answer; throws ModuleError or Killed. */
export function unwrap<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  if (answer.why === 'killed') throw new Killed('the client was ended in its call');
  throw new ModuleError(answer.errno, answer.message);
}

/** Offers methods to the thread at the other end, and says that it may call. */
export function offer(methods: object, port: Port): void {
  Comlink.expose(methods, port);
  post(port, { type: 'ready' });
}

// Comlink's own messages have an id; notices have this instead.
const NOTICE = 'isolab';

export function post(port: Port, notice: Notice): void {
  port.postMessage({ [NOTICE]: notice });
}

/** Calls `listener` for every notice of the thread at the other end. @returns stops it */
export function listen(port: Port, listener: (notice: Notice) => void): () => void {
  const handler = ({ data }: { data: unknown }): void => {
    if (typeof data === 'object' && data !== null && NOTICE in data) listener(data[NOTICE] as Notice);
  };
  port.addEventListener('message', handler);
  return () => port.removeEventListener('message', handler);
}
