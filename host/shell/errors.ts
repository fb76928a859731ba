// Why a command failed, in the words of Linux's tools.

import * as errno from '../../kernel/abi/errno.ts';

/** Linux's strerror, for the errnos this kernel has. */
const WORDS: Partial<Record<keyof typeof errno, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  EIO: 'Input/output error',
  ENXIO: 'No such device or address',
  ENOEXEC: 'Exec format error',
  EBADF: 'Bad file descriptor',
  EAGAIN: 'Resource temporarily unavailable',
  ENOMEM: 'Cannot allocate memory',
  EFAULT: 'Bad address',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  EINVAL: 'Invalid argument',
  ENFILE: 'Too many open files in system',
  EMFILE: 'Too many open files',
  ENOTTY: 'Inappropriate ioctl for device',
  ENOSPC: 'No space left on device',
  ESPIPE: 'Illegal seek',
  ENAMETOOLONG: 'File name too long',
  ENOSYS: 'Function not implemented',
  EOVERFLOW: 'Value too large for defined data type',
  ETIMEDOUT: 'Connection timed out',
};
const BY_NUMBER = new Map(
  Object.entries(WORDS).map(([name, words]) => [errno[name as keyof typeof errno], words]),
);

/** @param number positive */
export function strerror(number: number): string {
  return BY_NUMBER.get(number) ?? `Unknown error ${number}`;
}

/** A command gives up: its name and this message are printed, and its status is not 0. */
export class Complaint extends Error {
  override readonly name: string = 'Complaint';
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** The command line was not understood. */
export class UsageError extends Complaint {
  override readonly name = 'UsageError';
}

/** A system call on a file was refused. */
export class FileError extends Complaint {
  override readonly name = 'FileError';
  readonly path: string;
  /** Positive. */
  readonly errno: number;

  constructor(path: string, errno: number) {
    super(`${path}: ${strerror(errno)}`);
    this.path = path;
    this.errno = errno;
  }

  get words(): string {
    return strerror(this.errno);
  }
}
