// struct seq_file and struct seq_operations as drivers see them (C layout), named as in Linux. Offsets in bytes. Read by both
// compilers: constants only.

// struct seq_operations: table indices.
export const SEQ_START = 0; // (m, position*) -> what to show first, 0 where there is nothing, or a negative errno
export const SEQ_STOP = 4; // (m, v)
export const SEQ_NEXT = 8; // (m, v, position*) -> as start
export const SEQ_SHOW = 12; // (m, v) -> 0, SEQ_SKIP or a negative errno
export const SEQ_OPERATIONS_SIZE = 16;

/** What show returns for a record that is to leave no trace. */
export const SEQ_SKIP = 1;

// struct seq_file
export const SEQ_BUFFER = 0;
/** Bytes of the buffer. */
export const SEQ_SIZE = 4;
/** Where in the buffer the next read goes on. */
export const SEQ_FROM = 8;
/** Bytes in the buffer that are not read yet; equal to the size where a record did not fit. */
export const SEQ_COUNT = 12;
/** i64: number of the next record. */
export const SEQ_INDEX = 16;
/** i64: the file position for which index and buffer stand. */
export const SEQ_POSITION = 24;
export const SEQ_OPERATIONS = 32;
/** The opener's own word, `data` of single_open. */
export const SEQ_PRIVATE = 36;
export const SEQ_STRUCT_SIZE = 40;
