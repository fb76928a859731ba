// The trace: what was asked of drivers in other domains, by whom, how long it took and what came of it. Written by the kernel's
// thread alone, read by anybody at any time, also after its death. Its roots are in line 8 of the machine block (machine.ts).
//
// A record, TRACE_RECORDS of them in a ring; number n lies at slot n % TRACE_RECORDS:
//
//    0  u32 sequence    its number, counted from 1
//    4  u8  operation   OP_… of operation.ts
//    5  u8  channel     of the driver
//    6  u8  who         client, MAX_CLIENTS + channel of the driver that called, or TRACE_KERNEL
//    7  u8  flags       TRACE_EXACT
//    8  u32 generation  of the driver
//   12  i32 status      what came of it
//   16  f64 start       ns since boot
//   24  u32 time       until it had ended, in units of TRACE_GRAIN ns
//   28  u32 check      the seven words before it, each times an odd number of its own, added up: a multilinear hash, whose
//                      products do not wait for each other as those of FNV-1a do
//
// Who reads a record looks at its sequence before and after, and at the check: the kernel writes with plain stores, which
// another thread may see in any order.
//
// Read by both compilers: constants only.

export const TRACE_RECORDS = 4096;
export const TRACE_RECORD_SIZE = 32;
export const TR_SEQUENCE = 0;
export const TR_OPERATION = 4;
export const TR_CHANNEL = 5;
export const TR_WHO = 6;
export const TR_FLAGS = 7;
export const TR_GENERATION = 8;
export const TR_STATUS = 12;
export const TR_START = 16;
export const TR_TIME = 24;
export const TR_CHECK = 28;
export const TRACE_CHECK_0 = 0x9e3779b1;
export const TRACE_CHECK_1 = 0x85ebca77;
export const TRACE_CHECK_2 = 0xc2b2ae3d;
export const TRACE_CHECK_3 = 0x27d4eb2f;
export const TRACE_CHECK_4 = 0x165667b1;
export const TRACE_CHECK_5 = 0x85ebca6b;
export const TRACE_CHECK_6 = 0xcc9e2d51;
/** Times are multiples of so many ns, a power of two of at least 4. */
export const TRACE_GRAIN = 4;

/** Who: the kernel itself, which opens files anew on a successor. */
export const TRACE_KERNEL = 255;
/** Both times were read at that very moment; without it they are those of the cached clock. */
export const TRACE_EXACT = 1;

// The incarnations that have been on a channel, TRACE_NAMES of them in a ring: the dead are named as well.
//
//    0  u32 sequence    counted from 1; written last, 0 while the rest is written
//    4  u32 channel
//    8  u32 generation
//   16  f64 since       ns since boot
//   24  name            of the module, NAME_SIZE bytes
//
export const TRACE_NAMES = 128;
export const TRACE_NAME_SIZE = 80;
export const TN_SEQUENCE = 0;
export const TN_CHANNEL = 4;
export const TN_GENERATION = 8;
export const TN_SINCE = 16;
export const TN_NAME = 24;

// The statistics of a channel, for its present or last incarnation: numbers as f64, so that nothing overflows.
//
//    0  u32 generation  0 while nobody has been on the channel
//    8  f64 calls       that are finished
//   16  f64 errors      those of them whose status is negative
//   24  f64 time        ns of all samples together, each times its weight
//   64  f64 samples by latency: weights, STAT_BUCKETS of them
//
// Buckets are log-linear, as HdrHistogram's: one below STAT_LEAST ns, then STAT_SUBS of equal width for each octave; the last
// one takes whatever is longer.
//
export const STAT_GENERATION = 0;
export const STAT_CALLS = 8;
export const STAT_ERRORS = 16;
export const STAT_TIME = 24;
export const STAT_SAMPLES = 64;
/** log2 of the ns at which the buckets begin. */
export const STAT_LEAST_LOG = 6;
export const STAT_LEAST = 64;
export const STAT_SUB_BITS = 3;
export const STAT_SUBS = 8;
/** From 64 ns to 17 s. */
export const STAT_OCTAVES = 28;
export const STAT_BUCKETS = 225;
export const STAT_SIZE = 1920;

/** One call in so many has its times read from the clock, and stands for as many. */
export const TRACE_STRIDE = 64;
