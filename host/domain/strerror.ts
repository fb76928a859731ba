// Error numbers in words: strerror(3) as glibc has it, for every number of kernel/abi/errno.ts.

import * as errno from '../../kernel/abi/errno.ts';

const WORDS = new Map<number, string>([
  [errno.EPERM, 'Operation not permitted'],
  [errno.ENOENT, 'No such file or directory'],
  [errno.EIO, 'Input/output error'],
  [errno.ENXIO, 'No such device or address'],
  [errno.E2BIG, 'Argument list too long'],
  [errno.ENOEXEC, 'Exec format error'],
  [errno.EBADF, 'Bad file descriptor'],
  [errno.EAGAIN, 'Resource temporarily unavailable'],
  [errno.ENOMEM, 'Cannot allocate memory'],
  [errno.EACCES, 'Permission denied'],
  [errno.EFAULT, 'Bad address'],
  [errno.EBUSY, 'Device or resource busy'],
  [errno.EEXIST, 'File exists'],
  [errno.ENODEV, 'No such device'],
  [errno.ENOTDIR, 'Not a directory'],
  [errno.EISDIR, 'Is a directory'],
  [errno.EINVAL, 'Invalid argument'],
  [errno.ENFILE, 'Too many open files in system'],
  [errno.EMFILE, 'Too many open files'],
  [errno.ENOTTY, 'Inappropriate ioctl for device'],
  [errno.ENOSPC, 'No space left on device'],
  [errno.ESPIPE, 'Illegal seek'],
  [errno.EPIPE, 'Broken pipe'],
  [errno.EDEADLK, 'Resource deadlock avoided'],
  [errno.ENAMETOOLONG, 'File name too long'],
  [errno.ENOSYS, 'Function not implemented'],
  [errno.EOVERFLOW, 'Value too large for defined data type'],
  [errno.ETIMEDOUT, 'Connection timed out'],
]);

/** `Invalid argument` for 22; the number's sign does not matter. */
export function strerror(number: number): string {
  return WORDS.get(Math.abs(number)) ?? `Unknown error ${Math.abs(number)}`;
}
