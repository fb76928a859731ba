// An entry of a batch (SYS_SUBMIT) and of a vector (SYS_READV, SYS_WRITEV), in the caller's memory.
// Read by both compilers: constants only.

// entry
/** SYS_READ or SYS_WRITE. */
export const ENTRY_CALL = 0;
export const ENTRY_FD = 4;
export const ENTRY_BUFFER = 8;
export const ENTRY_LENGTH = 12;
/** i64: where in the file. */
export const ENTRY_OFFSET = 16;
/** Written by the kernel: what the read or write has answered. */
export const ENTRY_RESULT = 24;
/** The caller's own word. */
export const ENTRY_TAG = 28;
export const ENTRY_SIZE = 32;

// struct iovec
export const IOV_BASE = 0;
export const IOV_LENGTH = 4;
export const IOV_SIZE = 8;
