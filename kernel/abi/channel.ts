// A channel between the kernel and one incarnation of a driver's domain: CHANNELS_BASE + index * CHANNEL_SIZE, in the
// kernel's memory. A message is one 64-byte line; its sequence word is its doorbell and is written last.
//
//   line 0  request    kernel -> driver      line 4  words of the kernel
//   line 1  reply      driver -> kernel      line 5  words of the driver's thread
//   line 2  call       driver -> kernel      line 6  words of the supervisor
//   line 3  answer     kernel -> driver      512…    data of a call: text and names
//
// A driver's wasm maps none of this: the host code around it reads and writes on its behalf.
// Read by both compilers: constants only.

export const CHANNEL_SIZE = 1024;

// request
export const Q_SEQUENCE = 0;
export const Q_GENERATION = 4;
export const Q_OPERATION = 8;
/** The driver's own name of the open file: what it answered to OP_OPEN. */
export const Q_HANDLE = 12;
/** The grant: a range of the caller's memory, what may be done with it; it dies with the request. */
export const Q_GRANT_ADDRESS = 16;
export const Q_GRANT_LENGTH = 20;
export const Q_GRANT_RIGHTS = 24;
export const Q_MINOR = 28;
export const Q_POSITION = 32; // i64
export const Q_ARGUMENT0 = 40;
export const Q_ARGUMENT1 = 44;

export const GRANT_READ = 1;
export const GRANT_WRITE = 2;

// reply
export const R_SEQUENCE = 64;
export const R_GENERATION = 68;
export const R_STATUS = 72;
export const R_HANDLE = 76;
export const R_POSITION = 80; // i64

// call
export const C_SEQUENCE = 128;
export const C_GENERATION = 132;
export const C_OPERATION = 136;
export const C_ARGUMENT = 140; // two i32
export const C_DATA_LENGTH = 156;

// answer
export const A_SEQUENCE = 192;
export const A_STATUS = 196;

// the kernel's words
/** The fence: raised by one when the incarnation that holds the channel is given up. */
export const K_GENERATION = 256;
/** 1 while the kernel has a call of another driver's symbol by this channel's: the channel is nobody else's until then. */
export const K_GATE = 260;
/** How many such calls have failed because the other driver died: the caller's time begins anew. */
export const K_EXCUSES = 264;

// the driver's thread's words
export const D_SLEEPING = 320;
/** 1 while a copy between the driver's memory and a granted range is under way. */
export const D_COPYING = 324;
/** The generation whose incarnation trapped or left, by its own word. */
export const D_GONE = 328;

// the supervisor's words
export const S_STATE = 384;
/** The generation whose thread the supervisor knows to be dead or has given up. */
export const S_OBITUARY = 388;
/** 1 tells the driver's thread to leave its loop. */
export const S_STOP = 392;
/** The generation under which the supervisor started the present incarnation. */
export const S_GENERATION = 396;

export const CHANNEL_DATA = 512;
export const CHANNEL_DATA_SIZE = 512;

export const CHANNEL_FREE = 0;
export const CHANNEL_ATTACHED = 1;
/** Held by the supervisor: being prepared, or its thread is not known to have ended. */
export const CHANNEL_ZOMBIE = 2;

// The gate buffer: a call of another driver's symbol on its way, in the kernel's heap. Kinds of parameters are those of
// __ksymtab; a buffer's contents lie behind the parameters, each at a multiple of 16.
//
//    0  u32 symbol      its number among its module's, written by the kernel
//    4  u32 parameters
//    8  result          8 bytes, as a parameter
//   16  parameters      8 bytes each: the value of an i32, i64, f32 or f64; of a buffer nothing
//    …  buffers
//
export const GATE_SYMBOL = 0;
export const GATE_COUNT = 4;
export const GATE_RESULT = 8;
export const GATE_PARAMETERS = 16;

/** Words of the request and of the reply line that only the bare echo uses, the floor of a call. */
export const Q_ECHO = 60;
export const R_ECHO = 124;
