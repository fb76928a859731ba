// Why a command failed, in the words of Linux's tools.

import { strerror } from '../domain/strerror.ts';

export { strerror };

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
