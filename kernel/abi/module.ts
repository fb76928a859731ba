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
/** Not a function: its value is an address. */
export const SYMBOL_DATA = 2;

// what a function's parameter is, as in the __ksymtab section (letters s, i, o, l): what a gate must know to carry a call
export const KIND_SCALAR = 0;
export const KIND_IN = 1;
export const KIND_OUT = 2;
/** Bytes of the nearest buffer before it. */
export const KIND_LENGTH = 3;

// parameter types, as in the __param section; each says how many bytes an element has
/** One byte, as in C; a variable of AssemblyScript has three more behind it, which stay 0. */
export const PARAM_BOOL = 0;
export const PARAM_INT = 1; // 4
export const PARAM_UINT = 2; // 4
/** The address of a C string: 4. */
export const PARAM_CHARP = 3;
/** Added to the type of an array's elements. */
export const PARAM_ARRAY = 0x80;
