// The control plane: Comlink, wrapped so that a call is rejected when the thread behind it dies (Comlink alone leaves it
// pending for ever), and so that refusals arrive as errors again.

import * as Comlink from 'comlink';
import { ModuleError } from '../../domain/module-error.ts';
import type { Port, Thread } from './platform.ts';
import type { Answer, Notice } from './protocol.ts';

/** The machine that was asked does not live any longer. */
export class MachineDied extends Error {
  override readonly name = 'MachineDied';
}

/** What was asked of a machine that has died meanwhile: its next boot does all that is wanted anew. */
export function ignoreMachineDied(error: unknown): void {
  if (!(error instanceof MachineDied)) throw error;
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
  /** What rejects each call that is waiting. */
  private readonly waiting = new Set<(error: Error) => void>();
  private readonly posting: () => void;
  private over: Error | null = null;

  /** @param posting called before each call, for a thread that has to be told of messages */
  constructor(thread: Thread, posting: () => void = () => {}) {
    this.posting = posting;
    void thread.ended.then(() => this.giveUp(`thread has ended: ${thread.kind}`));
    const remote = Comlink.wrap(thread.port) as unknown as Methods;
    this.methods = new Proxy({} as Remote<T>, {
      get: (_, name) =>
        typeof name === 'string' && name !== 'then'
          ? (...words: never[]) => this.call(() => remote[name]!(...words) as Promise<unknown>)
          : undefined,
    });
  }

  private call(begin: () => Promise<unknown>): Promise<unknown> {
    if (this.over) return Promise.reject(this.over);
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      this.posting();
      begin()
        .then(resolve, reject)
        .finally(() => this.waiting.delete(reject));
    });
  }

  /** Rejects every call that is waiting, and every later one. */
  giveUp(why: string): void {
    this.over ??= new MachineDied(why);
    for (const reject of this.waiting) reject(this.over);
    this.waiting.clear();
  }
}

/** A port as an argument of a call: it is the other thread's from then on. */
export function transfer(port: MessagePort): MessagePort {
  return Comlink.transfer(port, [port]);
}

/** The value of an answer; throws ModuleError or Killed. */
export function unwrap<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  if (answer.why === 'killed') throw new Killed('the client was ended in its call');
  throw new ModuleError(answer.errno, answer.message);
}

/** Offers methods to the thread at the other end, and says that it may call. */
export function expose(methods: object, port: Port): void {
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
