// Why a module could not be loaded or unloaded: an errno, and what insmod and rmmod say to it.

import {
  EAGAIN,
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  ENAMETOOLONG,
  ENODEV,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  ENOSPC,
  EPERM,
  ETIMEDOUT,
} from '../../kernel/abi/errno.ts';

const INSMOD_WORDS = new Map<number, string>([
  [EPERM, 'Operation not permitted'],
  [ENOENT, 'Unknown symbol in module'],
  [EIO, 'Input/output error'],
  [ENOEXEC, 'Invalid module format'],
  [EAGAIN, 'Resource temporarily unavailable'],
  [ENOMEM, 'Cannot allocate memory'],
  [EBUSY, 'Device or resource busy'],
  [EEXIST, 'File exists'],
  [ENODEV, 'No such device'],
  [EINVAL, 'Invalid parameters'],
  [ENOSPC, 'No space left on device'],
  [ENAMETOOLONG, 'File name too long'],
  [ETIMEDOUT, 'Connection timed out'],
]);

export class ModuleError extends Error {
  override readonly name = 'ModuleError';
  /** Positive. */
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }

  /** What only the host knew of a refused insmod: read from the message, which is all that comes from another thread. */
  get detail(): string | null {
    return /^could not insert module [^:]*: [^(]*\((.*)\)$/s.exec(this.message)?.[1] ?? null;
  }
}

/** @param detail what only the host knows of it */
export function insmodError(module: string, errno: number, detail?: string): ModuleError {
  const words = INSMOD_WORDS.get(errno) ?? `error ${errno}`;
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
        : `could not remove module ${module}: ${INSMOD_WORDS.get(errno) ?? `error ${errno}`}`;
  return new ModuleError(errno, words);
}
