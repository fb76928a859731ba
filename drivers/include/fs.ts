// Character devices. A driver fills a table of operations and registers it; who calls it, and from which domain, is not
// its affair. Operations get a struct file (kernel/abi/file.ts) and answer with a byte count, 0, or a negative errno.

/**
 * Registers a device under a major number, 0 for one that the kernel chooses; it appears as /dev/NAME.
 * @param fops a FileOperations, which must stay where it is
 * @returns the major where the kernel chose it, else 0; or a negative errno
 */
@external("env", "register_chrdev")
export declare function register_chrdev(major: u32, name: usize, fops: FileOperations): i32;


@external("env", "unregister_chrdev")
export declare function unregister_chrdev(major: u32, name: usize): void;

/** llseek on a device of `size` bytes. */
@external("env", "fixed_size_llseek")
export declare function fixed_size_llseek(file: File, offset: i64, whence: i32, size: i64): i64;

/** Ends the task that is running, as Linux's do_exit. Does not return. */
@external("env", "do_exit")
export declare function do_exit(code: i32): void;

/** An open file. */
@unmanaged
export class File {
  position: i64;
  /** The driver's own word. */
  private_data: usize;
  mode: u32;
  minor: u32;
}

/** The operations of a device, by their table indices (`operation(fn)`); 0 where there is none. */
@unmanaged
export class FileOperations {
  /** (file: File, offset: i64, whence: i32) => i64 */
  llseek: u32;
  /** (file: File, to: usize, count: i32, position: usize) => i32 */
  read: u32;
  /** (file: File, from: usize, count: i32, position: usize) => i32 */
  write: u32;
  /** (file: File, command: i32, argument: i32) => i32; the argument may be an address, from which on the call grants the caller's memory */
  ioctl: u32;
  /** (file: File) => i32 */
  open: u32;
  /** (file: File) => i32 */
  release: u32;
  /** FOP_IDEMPOTENT or 0. */
  flags: u32;
}

/**
 * Reads and writes may be done twice, since each names its place. A driver in a domain of its own that dies is then not
 * noticed by those who read and write: what was in flight is asked of its successor, and open files are opened there.
 */
export const FOP_IDEMPOTENT: u32 = 1;

/** The table index of a function, as a FileOperations holds it. The function must not have optional parameters. */
// @ts-ignore: decorator
@inline
export function operation<T>(fn: T): u32 {
  return load<u32>(changetype<usize>(fn));
}

/** A table of operations in 24 bytes of static memory. */
// @ts-ignore: decorator
@inline
export function operations_at(place: usize): FileOperations {
  return changetype<FileOperations>(place);
}
