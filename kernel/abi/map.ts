// The memory map, one for the kernel's domain and for a driver's domain.
//
//   0x0000_0000  null area      64 KiB  nothing lives here; address 0 does not trap, so the check looks for writes
//   0x0001_0000  machine block   4 KiB  what must be found after death: state, doorbell, roots of the lists (machine.ts)
//   0x0001_1000  client slots    4 KiB  16 system-call slots of 256 bytes (syscall.ts)          kernel's domain only
//   0x0001_2000  channels       32 KiB  32 channels of 1 KiB to driver domains (channel.ts)     kernel's domain only
//   0x0001_a000  mailbox         4 KiB  lines the supervisor wants in the log                   kernel's domain only
//   0x0001_b000  host window    20 KiB  names and arguments on their way from the host into the image
//   0x0002_0000  log ring      128 KiB  512 records of 256 bytes (log.ts)                        kernel's domain only
//   0x0004_0000  image data    256 KiB  static data and globals of the kernel's or domain's image
//   0x0008_0000  stack          64 KiB  shadow stack of C modules, growing down
//   0x0009_0000  modules         4 MiB  data of loaded modules
//   0x0049_0000  page pool              everything kmalloc hands out
//   end - 4 MiB  user area       4 MiB  16 clients of 256 KiB                                    kernel's domain only
//
// Read by both compilers: constants only.

export const NULL_AREA_SIZE = 0x10000;
export const MACHINE_BASE = 0x10000;
export const SLOTS_BASE = 0x11000;
export const CHANNELS_BASE = 0x12000;
export const MAILBOX_BASE = 0x1a000;
export const MAILBOX_SIZE = 0x1000;
export const WINDOW_BASE = 0x1b000;
export const WINDOW_SIZE = 0x5000;
export const LOG_BASE = 0x20000;
export const IMAGE_BASE = 0x40000;
export const IMAGE_SIZE = 0x40000;
export const STACK_BASE = 0x80000;
export const STACK_SIZE = 0x10000;
export const MODULES_BASE = 0x90000;
export const MODULES_SIZE = 0x400000;
export const POOL_BASE = 0x490000;

export const MAX_CLIENTS = 16;
/** Bytes of the user area that one client may use for its buffers. */
export const USER_SIZE = 0x40000;
export const USER_AREA_SIZE = 0x400000;

/** Bytes of a page of the pool. */
export const PAGE_SIZE = 4096;
/** Bytes of a wasm memory page. */
export const WASM_PAGE = 65536;

/** Bytes of the kernel's memory. */
export const KERNEL_MEMORY = 0x2000000;
/** First address of the user area in the kernel's memory. */
export const USER_BASE = 0x1c00000;
/** Bytes of a driver domain's memory: 16 MiB, and what the allocators themselves need of it. */
export const DOMAIN_MEMORY = 0x1080000;

/** Slots that a domain's function table begins with; slot 0 stays null. An instance that imports a table costs the more the longer that is. */
export const TABLE_SIZE = 1024;
/** The most that it grows to. */
export const TABLE_MAX = 0x4000;
