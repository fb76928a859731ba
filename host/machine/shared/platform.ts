// What a runtime must offer to run machines: threads, a notice of their end, a clock. Types only; the implementations are
// host/cli/node-platform.ts and host/web/browser-platform.ts.

export type ThreadKind = 'kernel' | 'driver' | 'client';

/** A message endpoint as Comlink wants it. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: string, listener: (event: { data: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: { data: unknown }) => void): void;
  start?(): void;
}

/** A worker. */
export interface Thread {
  readonly kind: ThreadKind;
  readonly port: Port;
  /** Resolves once the thread has ended for any reason: `exit` event in Node, a released Web Lock in a browser. */
  readonly ended: Promise<void>;
  /** Asks the runtime to end it; a busy thread may go on for two seconds in Chromium. */
  terminate(): void;
  /** ms in which it could have run since it began, and no processor had time for it; null where nobody tells. */
  waitedMs?(): number | null;
}

export interface Platform {
  readonly name: string; // 'node 20.20.2', 'chromium 156'
  readonly cores: number;
  /** Starts a thread; resolves when its code is loaded and it listens. */
  spawn(kind: ThreadKind): Promise<Thread>;
  /** ms, monotonic. */
  now(): number;
}
