// The log ring: fixed records, so that each can be checked by itself after the kernel's death.
//
//    0  u32 sequence   counted from 1; the record lies at slot (sequence - 1) % LOG_RECORDS
//    4  u32 seconds
//    8  u32 microseconds
//   12  u8  level, u8 length of the text, u16 0
//   16  u32 checksum   FNV-1a over the bytes 0..15 and the text
//   20  text           UTF-8, no NUL
//
// Read by both compilers: constants only.

export const LOG_RECORDS = 512;
export const LOG_RECORD_SIZE = 256;
export const LOG_SEQUENCE = 0;
export const LOG_SECONDS = 4;
export const LOG_MICROSECONDS = 8;
export const LOG_LEVEL = 12;
export const LOG_LENGTH = 13;
export const LOG_CHECKSUM = 16;
export const LOG_TEXT = 20;
export const LOG_TEXT_MAX = 236;

export const LEVEL_EMERG = 0;
export const LEVEL_ALERT = 1;
export const LEVEL_CRIT = 2;
export const LEVEL_ERR = 3;
export const LEVEL_WARNING = 4;
export const LEVEL_NOTICE = 5;
export const LEVEL_INFO = 6;
export const LEVEL_DEBUG = 7;

export const FNV_OFFSET = 0x811c9dc5;
export const FNV_PRIME = 0x01000193;
