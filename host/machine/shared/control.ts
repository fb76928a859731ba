// The control plane: Comlink, wrapped so that a call is rejected when its thread dies (Comlink alone leaves it pending forever),
// and so that refusals arrive as errors.

import * as Comlink from 'comlink';
import { ModuleError } from '../../domain/module-error.ts';
import type { Port, Thread } from './platform.ts';
import type { Answer, Notice } from './protocol.ts';

/** The machine has died, or was ended. */
export class MachineDied extends Error {
  override readonly name = 'MachineDied';
}

/** For requests to a machine that may die meanwhile: its next boot does the same work again. */
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

/** A thread's methods, until it ends or `rejectAll` is called. */
export class Control<T> {
  readonly methods: Remote<T>;
  /** Rejects each call in progress. */
  private readonly pending = new Set<(error: Error) => void>();
  private readonly beforeCall: () => void;
  private ended: Error | null = null;

  /** @param beforeCall for a thread that counts its messages */
  constructor(thread: Thread, beforeCall: () => void = () => {}) {
    this.beforeCall = beforeCall;
    void thread.ended.then(() => this.rejectAll(`thread has ended: ${thread.kind}`));
    const remote = Comlink.wrap(thread.port) as unknown as Methods;
    this.methods = new Proxy({} as Remote<T>, {
      get: (_, name) =>
        typeof name === 'string' && name !== 'then'
          ? (...words: never[]) => this.call(() => remote[name]!(...words) as Promise<unknown>)
          : undefined,
    });
  }

  private call(begin: () => Promise<unknown>): Promise<unknown> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      this.pending.add(reject);
      this.beforeCall();
      begin()
        .then(resolve, reject)
        .finally(() => this.pending.delete(reject));
    });
  }

  /** Rejects every call in progress, and every later one. */
  rejectAll(why: string): void {
    this.ended ??= new MachineDied(why);
    for (const reject of this.pending) reject(this.ended);
    this.pending.clear();
  }
}

/** A port as an argument of a call, which transfers it to the other thread. */
export function transfer(port: MessagePort): MessagePort {
  return Comlink.transfer(port, [port]);
}

/** The value of an answer; throws ModuleError or Killed. */
export function unwrap<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  if (answer.why === 'killed') throw new Killed('the client was ended in its call');
  throw new ModuleError(answer.errno, answer.message);
}

/** Exposes methods to the thread at the other end, and posts that it is ready. */
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
