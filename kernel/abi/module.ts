// Layouts of the module list and the symbol table. Offsets in bytes. Read by both compilers: constants only.

// struct module
export const MOD_NEXT = 0;
export const MOD_STATE = 4;
export const MOD_REFERENCES = 8;
export const MOD_BASE = 12;
export const MOD_SIZE = 16;
export const MOD_TABLE_BASE = 20;
export const MOD_TABLE_SIZE = 24;
export const MOD_INIT = 28;
export const MOD_EXIT = 32;
/** Channel + 1 of the domain it was loaded into, 0 for this domain. */
export const MOD_ENDPOINT = 36;
/** Bytes and objects it holds from kmalloc. */
export const MOD_BYTES = 40;
export const MOD_OBJECTS = 44;
export const MOD_TAINT = 48;
export const MOD_NAME = 56;
/** FNV-1a over base, size, table base, table size and name. */
export const MOD_CHECKSUM = 112;
export const MOD_STRUCT_SIZE = 120;

export const MODULE_LIVE = 0;
export const MODULE_COMING = 1;
export const MODULE_GOING = 2;
export const MODULE_UNFORMED = 3;

// symbol
export const SYM_NEXT = 0;
export const SYM_HASH = 4;
/** Table index of a function. */
export const SYM_VALUE = 8;
/** struct module, 0 for the kernel. */
export const SYM_OWNER = 12;
export const SYM_FLAGS = 16;
export const SYM_CRC = 20;
export const SYM_NAME = 24; // NAME_SIZE bytes
export const SYM_SIZE = 80;

export const SYMBOL_GPL_ONLY = 1;

// parameter types, as in the __param section
export const PARAM_BOOL = 0;
export const PARAM_INT = 1;
export const PARAM_UINT = 2;
