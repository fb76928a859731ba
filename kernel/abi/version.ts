// What this kernel is called. Read by both compilers: constants only (ASCII).

export const VERSION = '0.1.0';
/** A module built for another kernel or another ABI is refused. */
export const VERMAGIC = '0.1.0 isolab SMP mod_unload wasm32';
