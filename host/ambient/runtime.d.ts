// What a layer below cli/ and web/ may use of its surroundings: exactly what Node 20.19 and browsers have in common.
// No console (the faces print), no files, no fetch, no Worker (host/machine/shared/platform.ts abstracts it).

declare const performance: {
  /** ms since the thread's time origin, monotonic. */
  now(): number;
  /** ms since 1970 at which now() was 0; differs between threads. */
  readonly timeOrigin: number;
};

declare function setTimeout(callback: () => void, ms?: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare function setInterval(callback: () => void, ms?: number): unknown;
declare function clearInterval(timer: unknown): void;
/** Node's alone. */
declare var setImmediate: ((callback: () => void) => unknown) | undefined;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T, options?: { transfer?: Transferable[] }): T;

/** Browsers refuse views of shared memory: copy first. */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBuffer, options?: { stream?: boolean }): string;
}

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, to: Uint8Array): { read: number; written: number };
}

/** Of streams, what a codec needs. */
interface ByteCodec {
  readonly readable: {
    getReader(): { read(): Promise<{ done: false; value: Uint8Array } | { done: true }> };
  };
  readonly writable: {
    getWriter(): { write(chunk: Uint8Array<ArrayBuffer>): Promise<void>; close(): Promise<void> };
  };
}

declare var CompressionStream: new (format: 'gzip') => ByteCodec;
declare var DecompressionStream: new (format: 'gzip') => ByteCodec;

declare function btoa(text: string): string;
declare function atob(text: string): string;

interface MessageEventLike {
  readonly data: unknown;
}

declare class MessagePort {
  onmessage: ((event: MessageEventLike) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(
    type: 'message' | 'messageerror' | 'close',
    listener: (event: MessageEventLike) => void,
  ): void;
  removeEventListener(type: string, listener: (event: MessageEventLike) => void): void;
  start(): void;
  close(): void;
}

declare class MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}

declare class URL {
  constructor(url: string, base?: string | URL);
  readonly href: string;
  readonly pathname: string;
}

interface ImportMeta {
  readonly url: string;
}

/** V8's stack frames (Node, Chromium): the module, index and offset of a wasm frame come from them. */
interface CallSite {
  getFunctionName(): string | null;
  getFileName(): string | null;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  toString(): string;
}

interface ErrorConstructor {
  stackTraceLimit?: number;
  captureStackTrace?(target: object, constructor?: Function): void;
  prepareStackTrace?: ((error: Error, frames: CallSite[]) => unknown) | undefined;
}
