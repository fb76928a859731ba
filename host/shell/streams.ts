// What a command reads and writes: bytes, in pieces. A stream into a pipe waits until somebody reads; a stream whose reader
// has gone says so, as SIGPIPE does.

import { Complaint } from './errors.ts';

export interface Input {
  /**
   * The next piece, not empty; null at the end.
   * @param most bytes that are wanted, at least 1: no more are taken
   */
  read(most?: number): Promise<Uint8Array | null>;
}

export interface Output {
  /** Resolves when more may be written. Rejects with BrokenPipe where nobody reads any longer. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface Streams {
  in: Input;
  out: Output;
  err: Output;
}

/** Whoever read this output has gone. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe';

  constructor() {
    super('broken pipe');
  }
}

const encoder = new TextEncoder();

/** Text as one write. */
export function print(to: Output, text: string): Promise<void> {
  return text === '' ? Promise.resolve() : to.write(encoder.encode(text));
}

export const EMPTY: Input = { read: () => Promise.resolve(null) };

/** An input of pieces as they come; what a reader does not want of one is left for the next. */
export function inPieces(next: () => Promise<Uint8Array | null>): Input {
  let rest: Uint8Array | null = null;
  return {
    read: async (most = Infinity) => {
      const piece = rest ?? (await next());
      rest = piece !== null && piece.length > most ? piece.subarray(most) : null;
      return piece?.subarray(0, most) ?? null;
    },
  };
}

/** An input that gives these bytes. */
export function inputOf(...pieces: Uint8Array[]): Input {
  const left = pieces.filter((piece) => piece.length > 0);
  return inPieces(() => Promise.resolve(left.shift() ?? null));
}

/** An output that hands everything on as text; what is no UTF-8 becomes U+FFFD. */
export function textOutput(put: (text: string) => void): Output {
  const decoder = new TextDecoder('utf-8');
  return {
    write: (bytes) => {
      // A copy: decoders refuse shared memory.
      put(decoder.decode(bytes.slice(), { stream: true }));
      return Promise.resolve();
    },
  };
}

/** Bytes that may lie in a pipe before its writer waits. */
const PIPE_SIZE = 0x10000;

/** One command's output, the next one's input. */
export class Pipe implements Input, Output {
  private readonly pieces: Uint8Array[] = [];
  private held = 0;
  private ended = false;
  private abandoned = false;
  private wake: () => void = () => {};
  private changed = this.next();

  private next(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private change(): void {
    this.wake();
    this.changed = this.next();
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.abandoned) throw new BrokenPipe();
    if (bytes.length === 0) return;
    this.pieces.push(bytes.slice());
    this.held += bytes.length;
    this.change();
    while (this.held >= PIPE_SIZE && !this.abandoned) await this.changed;
    if (this.abandoned) throw new BrokenPipe();
  }

  async read(most = Infinity): Promise<Uint8Array | null> {
    while (this.pieces.length === 0 && !this.ended) await this.changed;
    const piece = this.pieces.shift();
    if (piece === undefined) return null;
    if (piece.length > most) this.pieces.unshift(piece.subarray(most));
    const taken = piece.subarray(0, most);
    this.held -= taken.length;
    this.change();
    return taken;
  }

  /** Nothing more will be written. */
  end(): void {
    this.ended = true;
    this.change();
  }

  /** Nothing more will be read. */
  abandon(): void {
    this.abandoned = true;
    this.change();
  }
}

/** Everything that an input has. */
export async function readAll(input: Input): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await input.read(); piece !== null; piece = await input.read()) pieces.push(piece);
  return joined(pieces);
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Characters of a line: a device need not have lines, and is not to fill our memory. */
export const MAX_LINE = 0x100000;

/** The lines of an input, without their ends; a last one without an end counts. @throws Complaint for one without end */
export async function* linesOf(input: Input): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  for (let piece = await input.read(); piece !== null; piece = await input.read()) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE) throw new Complaint(`a line is longer than ${MAX_LINE} characters`);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
