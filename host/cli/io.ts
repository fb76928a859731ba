// What a command may touch of the terminal. Standard output is for results alone (with --json: one JSON text and nothing
// else); everything said on the way goes to standard error. A command writes through Io, never to process.stdout.

/** Something the user can act on: printed as one sentence, without a stack; the exit code is 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** A command's own exit code; everything that is to be said has been said. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

export interface Io {
  /** A result: standard output. */
  out(text: string): void;
  /** Progress and complaints: standard error, one line. */
  progress(line: string): void;
  /** Aborted by Ctrl-C or SIGTERM: clean up and return; the exit code is then 130 or 143. */
  readonly signal: AbortSignal;
}

/** A stack for what nobody foresaw, a sentence for a Failure. */
export function explain(error: unknown): string {
  if (error instanceof Failure) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
