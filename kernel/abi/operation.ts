// Numbers of operations: system calls, requests to a driver, calls by a driver.
// Read by both compilers: constants only.

/** What a system call answers whose result comes later. */
export const PARKED = -0x80000000;

// System calls of a client.
export const SYS_OPEN = 1;
export const SYS_CLOSE = 2;
export const SYS_READ = 3;
export const SYS_WRITE = 4;
export const SYS_LSEEK = 5;
export const SYS_IOCTL = 6;
export const SYS_DELETE_MODULE = 7;
/** Ends the client: closes what it has open. */
export const SYS_EXIT = 8;
/** (fd, buffer, bytes) -> bytes of whole entries (file.ts), 0 at the end */
export const SYS_GETDENTS = 9;
/** (path, struct stat) */
export const SYS_STAT = 10;
/** (path, mode, major << MINOR_BITS | minor) */
export const SYS_MKNOD = 11;
export const SYS_UNLINK = 12;
/** (fd, buffer, bytes, offset): at an offset of its own; the file's position stays. */
export const SYS_PREAD = 13;
export const SYS_PWRITE = 14;
/** (entries, count): several positioned reads and writes at once (batch.ts). @returns count; each entry has its own result */
export const SYS_SUBMIT = 15;
/** (fd, struct iovec, count): one read into several buffers, one write out of several. */
export const SYS_READV = 16;
export const SYS_WRITEV = 17;
/** (name): unloads a module of another domain for a successor, which takes over its devices and open files. */
export const SYS_REPLACE_MODULE = 18;
/** (text, fd): a complaint about the driver behind an open file. */
export const SYS_COMPLAIN = 20;
/** Not to be called: a driver's call of another driver's symbol, in the record of that client. */
export const SYS_SYMBOL = 40;
/** Not to be called: the files of a client that was ended, and answered, are closed. */
export const SYS_REAP = 41;

// Requests to a driver. Those of a device are the entries of its file_operations (file.ts).
export const OP_OPEN = 1;
export const OP_RELEASE = 2;
export const OP_READ = 3;
export const OP_WRITE = 4;
export const OP_LLSEEK = 5;
export const OP_IOCTL = 6;
/** Runs cleanup_module and reports what was left behind. */
export const OP_CLEANUP = 7;
/** Runs the bare echo loop that is the floor of a call: argument 0 is the number of rounds. */
export const OP_ECHO = 8;
/** module_init or module_exit runs; only in the call mark. */
export const OP_INIT = 9;
/** A timer's function runs; only in the call mark. */
export const OP_TIMER = 10;
/** Nothing is asked of a driver yet: a module is waited for (module/request.ts). */
export const OP_REQUEST = 19;
/** Opens a file anew that was open on a predecessor; for the driver an OP_OPEN. */
export const OP_REOPEN = 21;
/** As OP_ECHO: echoes that wait for each other; messages of a bare ring. */
export const OP_ECHO_WAIT = 22;
export const OP_ECHO_RING = 23;
/** Calls an exported symbol for another driver: the grant is the caller's gate buffer (channel.ts). */
export const OP_SYMBOL = 20;

// Calls by a driver's domain to the kernel.
export const CALL_LOG = 1;
export const CALL_REGISTER_CHRDEV = 2;
export const CALL_UNREGISTER_CHRDEV = 3;
export const CALL_MODULE_LIVE = 5;
export const CALL_MODULE_ABORT = 6;
/** Directory (0 for /proc) and mode with its type; data: the path. @returns the node's number */
export const CALL_PROC_CREATE = 20;
export const CALL_PROC_REMOVE = 21;
/** Makes the gate buffer large enough; answers its address. */
export const CALL_GATE_BUFFER = 30;
/** Calls another driver's symbol, with its arguments in the gate buffer. */
export const CALL_SYMBOL = 31;

/** Type and length of the value; data: key, NUL, value (a number, bytes, a range's address and length). */
export const CALL_STORE_PUBLISH = 40;
/** Type and size; data: key. The value is in the channel's data afterwards. @returns its bytes */
export const CALL_STORE_RETRIEVE = 41;
export const CALL_STORE_DELETE = 42;
export const CALL_STORE_VERSION = 43;
/** @returns INIT_… */
export const CALL_STORE_MODE = 44;

/** What the kernel tells the supervisor about an endpoint. */
export const COMPLAINT_DEADLINE = 1;
export const COMPLAINT_PROTOCOL = 2;
export const COMPLAINT_CLIENT = 3;
/** The kernel has trapped in a call by it. */
export const COMPLAINT_OOPS = 4;

/** open's flags */
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
/** Not a program's: the module was asked for already, the open is to answer. */
export const O_NOREQUEST = 0x100;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
