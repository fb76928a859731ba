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
/** Taints that it gave the kernel. */
export const MOD_TAINT = 48;
export const MOD_FLAGS = 52;
export const MOD_NAME = 56; // NAME_SIZE bytes
/** FNV-1a over base, size, table base, table size and name. */
export const MOD_CHECKSUM = 112;
/** Where its code begins in the text addresses (below), and the bytes of its file. */
export const MOD_TEXT = 116;
export const MOD_TEXT_SIZE = 120;
/** Its function names (struct kallsyms), 0 where nobody has given them. */
export const MOD_KALLSYMS = 124;
/** Its parameters (struct params), 0 where it has none. */
export const MOD_PARAMS = 128;
/** C strings, 0 where it does not say. */
export const MOD_VERSION = 132;
export const MOD_SRCVERSION = 136;
/** References taken since it was loaded: whoever waits for it to be idle sees that it was used. */
export const MOD_GETS = 140;
/** Bytes that this domain keeps of what its file declares; at most MODULE_SHARE. */
export const MOD_KEPT = 144;
export const MOD_STRUCT_SIZE = 148;

/** MOD_FLAGS: nobody asked for it by name; it goes when it has been idle for a while. */
export const MODULE_AUTOLOADED = 1;
/** MOD_FLAGS: its predecessor has died. */
export const MODULE_RESTARTED = 2;
/** MOD_FLAGS: its predecessor was unloaded for it. */
export const MODULE_UPDATED = 4;

export const MODULE_LIVE = 0;
export const MODULE_COMING = 1;
export const MODULE_GOING = 2;
export const MODULE_UNFORMED = 3;

// How module_begin is asked.
/** It was built in the kernel's own tree. */
export const LOAD_INTREE = 1;
/** insmod -f: neither version magic nor symbol versions are a reason to refuse it. */
export const LOAD_FORCE = 2;
/** Nobody asked for it by name. */
export const LOAD_AUTO = 4;
/** It was loaded before: its driver has died and is replaced. */
export const LOAD_AGAIN = 8;
/** The kernel has told of its taints already; this is the domain that it will live in. */
export const LOAD_TOLD = 16;
/** With LOAD_AGAIN: it has not died, but was unloaded to be replaced. */
export const LOAD_UPDATE = 32;

// Text addresses. Code has no addresses in wasm; the kernel gives each file a window of its own, so that an instruction has
// a number: the window's base + the instruction's offset in the file. /proc/kallsyms and oopses use them.
export const TEXT_WINDOW = 0x10000;
export const TEXT_KERNEL = 0x80000000;
/** The image of a driver's domain. */
export const TEXT_DOMAIN = 0x88000000;
export const TEXT_MODULES = 0x90000000;
/** Windows for modules. */
export const TEXT_WINDOWS = 8192;

// kallsyms: u32 count, then count entries sorted by offset, then the names they point to.
export const KALLSYMS_COUNT = 0;
export const KALLSYMS_ENTRIES = 4;
/** Offset in the file, or an address in memory for data; then the name: its distance from the table's beginning, and the type letter. */
export const KALLSYM_OFFSET = 0;
export const KALLSYM_NAME = 4; // u24
export const KALLSYM_TYPE = 7; // u8: t T d D
export const KALLSYM_SIZE = 8;

// symbol
export const SYM_HASH = 0;
/** Table index of a function, address of data; in another domain the symbol's number in its module. */
export const SYM_VALUE = 4;
/** struct module, 0 for the kernel. */
export const SYM_OWNER = 8;
export const SYM_FLAGS = 12;
/** CRC-32 over name and type; 0 where there is none. */
export const SYM_CRC = 16;
export const SYM_NAME = 24; // NAME_SIZE bytes
export const SYM_SIZE = 80;

export const SYMBOL_GPL_ONLY = 1;
/** Not a function: its value is an address. */
export const SYMBOL_DATA = 2;

// How module_exit is asked.
/** rmmod -f: also what is in use goes. */
export const UNLOAD_FORCE = 1;
/** The kernel has decided already; this is the domain that the module lives in. */
export const UNLOAD_DECIDED = 2;

// How module_resolve is asked.
export const RESOLVE_DATA = 1;
/** A symbol that nobody has is 0, and no error. */
export const RESOLVE_WEAK = 2;
/** Symbol versions are no reason to refuse it. */
export const RESOLVE_FORCE = 4;
/** The address of a function is wanted, not the function. */
export const RESOLVE_ADDRESS = 8;

// use: one for each pair of a module and another whose symbols it uses
export const USE_NEXT = 0;
export const USE_USER = 4;
export const USE_OWNER = 8;
export const USE_SIZE = 12;

// What a file declares how many of (module_declares), by its number.
export const DECLARED_PARAMETERS = 0;
export const DECLARED_SYMBOLS = 1;
export const DECLARED_EXPORTS = 2;
export const DECLARED_IMPORTS = 3;
export const DECLARED_LIBRARIES = 4;
export const DECLARED_FUNCTIONS = 5;
export const DECLARED_SEGMENTS = 6;
export const DECLARED_INFO = 7;
export const DECLARED_BYTES = 8;

// params: u32 count, u32 room, then room params in the order in which they were told of, then room u16: the numbers of the
// params, by their names.
export const PARAMS_COUNT = 0;
export const PARAMS_ROOM = 4;
export const PARAMS_ENTRIES = 8;

// param
export const PRM_TYPE = 0;
/** As a file's mode. */
export const PRM_PERM = 4;
/** Of the variable, or of an array's first element; 0 where the module lives in another domain. */
export const PRM_ADDRESS = 8;
/** 1, or an array's capacity. */
export const PRM_COUNT = 12;
/** Strings that were made for it, one after the other. */
export const PRM_STRING = 16;
export const PRM_NAME = 20; // NAME_SIZE bytes
/** Elements of an array that were set. */
export const PRM_USED = 76;
export const PRM_SIZE = 80;

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
