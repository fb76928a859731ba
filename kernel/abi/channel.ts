// A channel between the kernel and one driver that lives in another domain: CHANNELS_BASE + index * CHANNEL_SIZE, in the
// kernel's memory. One writer a line.
//
//   line 0  grant of a sandbox's request, by the kernel; bare echo (the floor of a call), kernel -> driver
//   line 1                                               bare echo, driver -> kernel
//   line 2  call       driver -> kernel        line 5  words of the driver's thread that the kernel reads
//   line 3  answer     kernel -> driver        line 6  words of the supervisor
//   line 4  words of the kernel                line 7  words of the driver's thread that others read seldom
//   512…    data of a call: text and names
//
// Requests and replies go through two rings, elsewhere in the kernel's memory (K_RING): RING_SLOTS submissions, then as many
// completions, each one 64-byte line whose own sequence word is its doorbell and is written last. A submission lies in the
// slot of its sequence, a completion in the slot of its own; it names the submission that it answers, so that several
// requests can be in flight and be answered in any order. A single call is a ring of which one slot is in use. Between two
// lines one is left free: processors fetch a line's neighbour as well, and the peer may be at work on that.
//
// A driver's wasm maps none of this: the host code around it reads and writes on its behalf.
// Read by both compilers: constants only.

export const CHANNEL_SIZE = 1024;

/** Bytes of a message. */
export const MESSAGE_SIZE = 64;
/** Bytes from one message of a ring to the next. */
export const RING_STRIDE = 128;
/** Requests that may be in flight on a channel; a power of two. */
export const RING_SLOTS = 64;
/** Bytes from a channel's submissions to its completions. */
export const RING_HALF = RING_SLOTS * RING_STRIDE;
export const RING_SIZE = RING_HALF * 2;

// submission; line 0 of a channel is drawn alike
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

// completion
export const R_SEQUENCE = 0;
export const R_GENERATION = 4;
export const R_STATUS = 8;
export const R_HANDLE = 12;
export const R_POSITION = 16; // i64
/** Sequence of the submission that is answered. */
export const R_TAG = 24;

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
/** Address of the channel's rings. */
export const K_RING = 268;
/** The incarnation, by its generation, whose module the kernel knows: before, it may not call. */
export const K_ANNOUNCED = 272;

// the driver's thread's words; D_SLEEPING and D_BELL of a driver host's channel serve all channels of the domain
/** 1 while the thread sleeps, or is about to. */
export const D_SLEEPING = 320;
/** What it sleeps on: counted up by whoever has something for it when it sleeps. */
export const D_BELL = 324;
/** The generation whose incarnation trapped or left, by its own word. */
export const D_GONE = 328;

// the supervisor's words
export const S_STATE = 384;
/** The generation whose thread the supervisor knows to be dead or has given up. */
export const S_EXIT_NOTICE = 388;
/** 1 tells the driver's thread to leave its loop. */
export const S_STOP = 392;
/** The generation under which the supervisor started the present incarnation. */
export const S_GENERATION = 396;
/** The driver host's channel + 1 of the domain that this channel's driver lives in; 0 for this channel itself. */
export const S_DRIVER_HOST = 400;
/** How messages travel: TRANSPORT_. */
export const S_TRANSPORT = 404;
/** Asks for an echo in D_PONG: whether the thread's loop turns. */
export const S_PING = 408;
/** In the driver host's channel: counts what the thread has to hear of by its event loop. */
export const S_ATTENTION = 412;

// the driver's thread's words that others read seldom
/** 1 while a copy between the driver's memory and a granted range is under way. */
export const D_COPYING = 448;
/** Address of the submission in progress; its grant is what the driver may copy to and from. */
export const D_CURRENT = 452;
/** Counts whatever the host code around the driver does for it: a driver whose heart beats is slow, not dead. */
export const D_HEART = 456;
/** Copies S_PING. */
export const D_PONG = 460;

export const CHANNEL_DATA = 512;
export const CHANNEL_DATA_SIZE = 512;

export const CHANNEL_FREE = 0;
export const CHANNEL_ATTACHED = 1;
/** Held by the supervisor: being prepared, or its thread is not known to have ended. */
export const CHANNEL_ZOMBIE = 2;
/** No driver's: the driver host of a pool, for its bell alone. */
export const CHANNEL_DRIVER_HOST = 3;

/** The rings, the peer in another thread that spins, then sleeps. */
export const TRANSPORT_RING = 0;
/** The rings, neither side ever sleeps during a call. */
export const TRANSPORT_SPIN = 1;
/** The rings, neither side spins. */
export const TRANSPORT_WAIT = 2;
/** A call: the driver's domain lies on the kernel's thread. */
export const TRANSPORT_GATE = 3;
/** The rings, carried by the event loops of both threads: whatever is sent is passed to the host as well. */
export const TRANSPORT_POST = 4;

// What comes of a copy between a driver's memory and a granted range.
export const COPY_DONE = 0;
/** The grant does not allow it, or there is none. */
export const COPY_REFUSED = 1;
/** The incarnation was given up. */
export const COPY_FENCED = 2;

/** A sandbox's driver has trapped: what its host answers instead of a status. */
export const GATE_TRAPPED = -0x7fffffff;
/** What passes through a sandbox's gate: request << GATE_BITS | channel. */
export const GATE_BITS = 5; // log2 of MAX_CHANNELS

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
/** Bytes of a gate buffer at most: it is memory of the kernel's. */
export const GATE_MOST = 0x40000;

/** Words of lines 0 and 1 that only the bare echo uses, the floor of a call. */
export const Q_ECHO = 60;
export const R_ECHO = 124;
