// The data store: what a driver leaves in the kernel's memory for its successor. A list of entries whose root is M_STORE.
// Read by both compilers: constants only.

// entry
export const ST_NEXT = 0;
/** STORE_… */
export const ST_TYPE = 4;
/** Counted up with every publication, from 1. */
export const ST_VERSION = 8;
/** Bytes of the value; of a range, those that the living incarnation has published, 0 where it has published none. */
export const ST_LENGTH = 12;
/** A number; where the bytes lie; a range's address in its domain. */
export const ST_VALUE = 16;
/** The incarnation that published a range (ST_TAG_CHANNELS). */
export const ST_TAG = 20;
/** A range of a dead predecessor, until the successor is live: address, length (0 for none), incarnation. */
export const ST_OLD_VALUE = 24;
export const ST_OLD_LENGTH = 28;
export const ST_OLD_TAG = 32;
export const ST_KEY = 40; // STORE_KEY_SIZE bytes
/** The owner: a module's name. */
export const ST_OWNER = 72; // NAME_SIZE bytes
export const ST_SIZE = 128;

/** The name of an incarnation in one word: its channel's generation times this + its channel + 1; 0 in the kernel's domain. */
export const ST_TAG_CHANNELS = 64;

export const STORE_U32 = 1;
export const STORE_BYTES = 2;
/** A range of the domain's own memory: its bytes stay there. */
export const STORE_RANGE = 3;

/** Bytes of a key with its NUL. */
export const STORE_KEY_SIZE = 32;
/** Bytes of a value: key and value fill the data of a call. */
export const STORE_BYTES_MAX = 480;
/** Entries of one owner, and of all. */
export const STORE_OWNER_MAX = 64;
export const STORE_MAX = 512;

// What a range is, as the kernel answers it.
export const RANGE_ADDRESS = 0;
export const RANGE_LENGTH = 4;
/** 0 where it lies in the caller's own memory, else the dead incarnation in whose memory. */
export const RANGE_TAG = 8;
export const RANGE_SIZE = 12;

/** How a module comes to be loaded: as init_mode says it. */
export const INIT_FRESH = 0;
/** Its predecessor has died. */
export const INIT_RESTART = 1;
/** Its predecessor has left in an orderly way, for this one. */
export const INIT_LIVE_UPDATE = 2;
