// Progress on standard error: on a terminal one line that is written over, elsewhere a line for each text. What must not
// be overwritten is kept.

import type { Io } from './io.ts';

/** What is used of process.stderr. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const ERASE = '\r\u001b[2K';

export class LiveLine {
  readonly #io: Pick<Io, 'progress'>;
  readonly #screen: Screen;

  constructor(io: Pick<Io, 'progress'>, screen: Screen) {
    this.#io = io;
    this.#screen = screen;
  }

  /** What is going on now. */
  show(text: string): void {
    if (this.#screen.isTTY !== true) return this.#io.progress(text);
    // A line that wraps could not be erased.
    this.#screen.write(`${ERASE}${text.slice(0, (this.#screen.columns ?? 80) - 1)}`);
  }

  /** A line that stays. */
  keep(text: string): void {
    this.clear();
    this.#io.progress(text);
  }

  clear(): void {
    if (this.#screen.isTTY === true) this.#screen.write(ERASE);
  }
}
