// Why a module could not be loaded or unloaded: an errno, and what insmod and rmmod say to it.

import { EAGAIN, EINVAL, ENOENT, ENOEXEC } from '../../kernel/abi/errno.ts';
import { cleanText } from '../linker/wasm/bytes.ts';
import { strerror } from './strerror.ts';

/** What insmod says otherwise than strerror. */
const INSMOD_WORDS = new Map<number, string>([
  [ENOENT, 'Unknown symbol in module'],
  [ENOEXEC, 'Invalid module format'],
  [EINVAL, 'Invalid parameters'],
]);

export class ModuleError extends Error {
  override readonly name = 'ModuleError';
  /** Positive. */
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(cleanText(message));
    this.errno = errno;
  }

  /** What only the host knew of a refused insmod: read from the message, which is all that comes from another thread. */
  get detail(): string | null {
    return /^could not insert module [^:]*: [^(]*\((.*)\)$/s.exec(this.message)?.[1] ?? null;
  }
}

/** @param detail what only the host knows of it */
export function insmodError(module: string, errno: number, detail?: string): ModuleError {
  const words = INSMOD_WORDS.get(errno) ?? strerror(errno);
  return new ModuleError(
    errno,
    `could not insert module ${module}: ${words}${detail === undefined ? '' : ` (${detail})`}`,
  );
}

/** @param holders the modules that use it */
export function rmmodError(module: string, errno: number, holders: string[] = []): ModuleError {
  const words =
    errno === ENOENT
      ? `Module ${module} is not currently loaded`
      : errno === EAGAIN
        ? `Module ${module} is in use${holders.length > 0 ? ` by: ${holders.join(' ')}` : ''}`
        : `could not remove module ${module}: ${strerror(errno)}`;
  return new ModuleError(errno, words);
}

/** What came of a load, as insmod says it: what an incarnation dies of does not know that. */
export function asInsmod(name: string, error: unknown): unknown {
  if (!(error instanceof ModuleError) || error.message.startsWith('could not insert')) return error;
  return insmodError(name, error.errno, error.message);
}
