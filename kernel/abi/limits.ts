// Limits, all of them. Read by both compilers: constants only.

/** Open files of one client. */
export const MAX_FDS = 16;
/** Open files of all clients. */
export const MAX_FILES = 128;
/** Every major number from 1 to 254. */
export const MAX_DEVICES = 254;
/** Names in the tree of files: of devices, of proc files and directories. */
export const MAX_NODES = 640;
// What one driver of another domain may hold of what all share.

/** Devices, those too that wait for it while it is dead. */
export const MAX_DRIVER_DEVICES = 32;
/** Proc files and directories, likewise. */
export const MAX_DRIVER_NODES = 64;
/** Lines that it may log at once, and afterwards in a second. */
export const DRIVER_LOG_BURST = 100;
export const DRIVER_LOG_RATE = 10;

/** Bytes of a path with its NUL. */
export const PATH_MAX = 256;
/** Loaded modules of a domain (struct module is allocated, this bounds walks over damaged lists). */
export const MAX_MODULES = 4096;
export const MAX_CHANNELS = 32;

// What one file may declare; more is E2BIG, before anything of it is kept. Linux bounds none of it. Each is far above what a
// driver declares, and small enough for a load to go through all of it in some ms.

/** Parameters. */
export const MAX_MODULE_PARAMETERS = 512;
/** Symbols that it exports to other modules. */
export const MAX_MODULE_SYMBOLS = 1024;
/** Names that it exports to the loader, symbols among them: some linkers export every function. */
export const MAX_MODULE_EXPORTS = 16384;
export const MAX_MODULE_IMPORTS = 4096;
/** Libraries that it needs. */
export const MAX_MODULE_LIBRARIES = 256;
/** Its own functions, whose names /proc/kallsyms has. */
export const MAX_MODULE_FUNCTIONS = 16384;
/** Segments of data and of table elements. */
export const MAX_MODULE_SEGMENTS = 4096;
/** Entries of .modinfo: aliases above all. */
export const MAX_MODULE_INFO = 8192;
/** Bytes of the file: so many of the text addresses as each of MAX_CHANNELS drivers can have. */
export const MAX_MODULE_FILE = 0x1000000;
/**
 * Bytes of memory that a domain keeps of what a file declares: names, parameters, symbols, versions. More is ENOMEM. In the
 * kernel's, MAX_CHANNELS drivers that use their shares up leave 3 MiB to everybody else.
 */
export const MODULE_SHARE = 0x80000;
/** Entries of the symbol table: MAX_MODULE_SYMBOLS for each of MAX_CHANNELS drivers, and the kernel's and its own modules'. */
export const MAX_SYMBOLS = 36864;
/** Bytes of a module, symbol or device name with its NUL. */
export const NAME_SIZE = 56;
/** Default time a request, a system call or an initialisation may take, in ms. */
export const DEADLINE_MS = 2000;
/** The least deadline that may be set: on two cores a spinning neighbour alone delays a thread by up to 160 ms. */
export const MIN_DEADLINE_MS = 500;
/** Deadlines that a driver may take for one request while its heart beats (D_HEART): it is slow then, not dead. */
export const SLOW_DEADLINES = 8;
/** Drivers that may die over one request before it ends: it may be what they die of. A hang weighs as much as so many. */
export const MOST_DEATHS = 8;
export const HANG_DEATHS = 4;
/** Requests of one batch of a client (SYS_SUBMIT). */
export const BATCH_MAX = 32;

// Spinning before sleeping. Waking a thread takes about 50 µs. Both ends spin at most so long, in looks; how long in fact
// adapts to how soon the other side comes: twice as long after a short sleep, half as long after a long one. One that finds
// something at once never looks at a clock.

/** Looks for a reply before the kernel's thread goes to sleep: some 30 µs. */
export const SPINS = 20000;
/** Looks for a request before a driver's thread goes to sleep, and some ms that they take. */
export const DRIVER_SPINS = 60000;
export const DRIVER_SPIN_MS = 0.08;
/** Looks for the kernel's answer to a driver's or a client's call before that thread sleeps: few, since these are many. */
export const CALL_SPINS = 1000;
/** Looks for an answer that comes at once, which nothing else is done beside. */
export const PROMPT_LOOKS = 512;
/** Steps of a nanosecond or so before the first of them, at most. */
export const LONGEST_PAUSE = 512;
/** The fewest, where there is a second core. */
export const LEAST_SPINS = 500;
/** ms: a sleep that was shorter would better have been spent spinning. */
export const SHORT_SLEEP_MS = 0.2;
/** Spins between two looks at everything else. */
export const SPIN_STRIDE = 64;
