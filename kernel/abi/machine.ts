// The machine block at MACHINE_BASE: what must be found when the kernel is dead. Offsets in bytes; a line is 64 bytes
// and has one writer.
//
//   line 0  identity, written at boot          line 4  the call in progress, written by the switch
//   line 1  doorbell, rung by everybody        line 5  roots: where the lists begin
//   line 2  the kernel's answers               line 6  counters
//   line 3  the supervisor's words             line 7  settings
//                                              line 8  the trace
//
// Read by both compilers: constants only.

export const M_MAGIC = 0;
export const M_ABI = 4;
export const M_MEMORY_SIZE = 8;
export const M_BOOT = 12;
/** The call deadline of this boot, in ms. */
export const M_DEADLINE = 16;
export const M_PANIC_ON_OOPS = 20;
/** 0 in the kernel's domain, 1 in a driver's. */
export const M_ISOLATED = 24;
/** First byte behind the page pool. */
export const M_POOL_END = 28;
/** Debugging of slabs in force: SLUB_… of heap.ts. */
export const M_SLUB_DEBUG = 60;

/** Counts every event but a reply; the kernel's thread sleeps on it. */
export const M_DOORBELL = 64;

export const M_SLEEPING = 128;
/** Copies M_PING: the kernel's loop turns. */
export const M_PONG = 132;
export const M_STATE = 136;
/** Sequence of the last line taken out of the mailbox. */
export const M_MAIL_ACK = 140;
/** The doorbell's count before the loop last looked at everything. */
export const M_HEARD = 144;

export const M_PING = 192;
/** Raised by the supervisor when it gave this kernel up: no client waits for it any longer. */
export const M_ABANDONED = 196;
export const M_MAIL_SEQUENCE = 200;
/** Counts the messages that are posted to the kernel's thread: its loop leaves them their turn at once. */
export const M_POSTED = 204;

/** Client + 1 of the call in progress, 0 between calls. */
export const M_CALL_CLIENT = 256;
/** struct module that runs, 0 for the kernel itself. */
export const M_CALL_MODULE = 260;
export const M_CALL_OPERATION = 264;
export const M_CALL_FILE = 268;

/** A domain's answer beside the status: the open file's handle, and its position. */
export const M_REPLY_HANDLE = 272;
export const M_REPLY_POSITION = 280; // i64
/** In a driver's domain: the struct module whose channel is served, since a pool has several. Written by the host. */
export const M_SERVED_MODULE = 288;

export const M_MODULES = 320;
export const M_DEVICES = 324;
export const M_FILES = 328;
export const M_SYMBOLS = 332;
export const M_PAGE_MAP = 336;
export const M_SLABS = 340;
export const M_CLIENTS = 344;
export const M_TABLE_MAP = 348;
/** The first use (module.ts). */
export const M_USES = 352;
/** The kernel's own names (struct kallsyms). */
export const M_KALLSYMS = 356;
/** Free blocks by order (heap.ts). */
export const M_FREE_AREAS = 376;
export const M_VM_AREAS = 380;

/** The table of nodes (file.ts). */
export const M_NODES = 360;
/** The first timer that runs (timer.ts). */
export const M_TIMERS = 364;

export const M_LOG_NEXT = 384;
export const M_TAINT = 388;
export const M_OOPSES = 392;
export const M_SYMBOL_COUNT = 396;
export const M_MODULE_COUNT = 400;
/** Pages that nobody holds: of free blocks, and of empty slabs that their caches keep. */
export const M_PAGES_FREE = 404;
export const M_SLOTS_FREE = 408;
/** Bytes that are handed out: objects as they were asked for, pages and vmalloc areas. */
export const M_BYTES_USED = 412;
export const M_MODULE_BYTES = 416;

// What /proc/sys/kernel sets. Panic on an oops is M_PANIC_ON_OOPS.
/** Oopses after which the kernel stops, 0 for no limit. */
export const M_OOPS_LIMIT = 448;
export const M_PANIC_ON_WARN = 452;
/** Lines of a lesser level number are shown on a console; the first number of /proc/sys/kernel/printk. */
export const M_CONSOLE_LEVEL = 456;
/** 1: no module is loaded or unloaded any more; it stays so until the next boot. */
export const M_MODULES_DISABLED = 460;
/** 1: opening a device that is not there asks for its module. */
export const M_REQUEST_MODULE = 464;
/** Seconds after which a module that was loaded so is removed when nobody uses it, 0 for never. */
export const M_MODULE_IDLE_SECS = 468;

/** What is traced: 0 nothing, 1 the calls that cross domains. */
export const M_TRACE_LEVEL = 512;
/** The ring of records (trace.ts), and the number of the last one. */
export const M_TRACE_RING = 516;
export const M_TRACE_LAST = 520;
/** The ring of incarnations, and the number of the last one. */
export const M_TRACE_NAMES = 524;
export const M_TRACE_NAMED = 528;
/** Statistics by channel. */
export const M_TRACE_STATISTICS = 532;
/** f64 ns since boot: when the kernel last looked at its clock. */
export const M_TRACE_CLOCK = 536;
/** f64 ns: the smallest step of that clock that it has seen; 0 before the first. */
export const M_TRACE_STEP = 544;
/** The first entry of the data store (store.ts), and how many there are. */
export const M_STORE = 640;
export const M_STORE_COUNT = 644;

/** Cores of this computer, as far as the host tells: with one nobody spins. */
export const M_CORES = 576;

export const MACHINE_MAGIC = 0x424c5349; // "ISLB"
export const ABI_VERSION = 1;

export const STATE_BOOTING = 1;
export const STATE_RUNNING = 2;
export const STATE_PANIC = 3;

// Taints, Linux's bits.
export const TAINT_PROPRIETARY = 1; // P
export const TAINT_FORCED_MODULE = 2; // F
export const TAINT_FORCED_RMMOD = 8; // R
export const TAINT_BAD_PAGE = 32; // B
export const TAINT_DIE = 128; // D
export const TAINT_WARN = 512; // W
export const TAINT_OOT_MODULE = 4096; // O
