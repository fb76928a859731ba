// What a command may touch of the terminal. Standard output is for results alone (with --json: one JSON text and nothing
// else); everything said on the way goes to standard error. A command writes through Io, never to process.stdout.

import { getSystemErrorMap } from 'node:util';
import { ModuleError } from '../domain/module-error.ts';
import { BadModule } from '../linker/wasm/bytes.ts';

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

/** The system's words for what Linux's users know; all others are the runtime's. */
const WORDS: Record<string, string> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
};

/** What is used of an error that the system has given. */
interface SystemError extends Error {
  code: string;
  errno?: number;
  path?: string;
}

/** Whether the system has refused something, such as a file: no fault of the program's. */
function isSystemError(error: unknown): error is SystemError {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return 'syscall' in error || error.code.startsWith('ERR_FS_');
}

/** The reason of an error, where it is the system's in its words. */
export function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isSystemError(error)) return error.message;
  const [, words] = getSystemErrorMap().get(error.errno ?? 0) ?? [];
  return (
    WORDS[error.code] ??
    (words === undefined ? error.message : words.charAt(0).toUpperCase() + words.slice(1))
  );
}

/**
 * What the system has refused, as a Failure; everything else as it is.
 * @param what `the image cannot be read`
 */
export function refused(what: string, path: string, error: unknown): unknown {
  return isSystemError(error) ? new Failure(`${what}: ${explained(error)}: ${path}`) : error;
}

/** A sentence for what a user can mend: a Failure, or a refusal of the system's or of a kernel; a stack for what nobody foresaw. */
export function explain(error: unknown): string {
  if (error instanceof Failure) return error.message;
  if (isSystemError(error))
    return error.path === undefined ? explained(error) : `${explained(error)}: ${error.path}`;
  if (error instanceof ModuleError || error instanceof BadModule) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
