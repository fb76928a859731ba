// What every driver says of itself. These are read by the linker and leave no code behind; each stands at the top level of
// the driver's main file.

/** The licence; "GPL" or one of Linux's GPL-compatible ones, anything else taints the kernel. */
export declare function MODULE_LICENSE(license: string): void;
export declare function MODULE_AUTHOR(author: string): void;
export declare function MODULE_DESCRIPTION(text: string): void;
export declare function MODULE_VERSION(version: string): void;

/**
 * Makes a module-level `let` a parameter of insmod (`insmod ramdisk size=65536`).
 * @param type "bool" (a `bool`), "int" (an `i32`) or "uint" (a `u32`)
 * @param perm as a file's mode, 0o444 for readable by all
 */
export declare function module_param<T>(variable: T, type: string, perm: i32, text: string): void;

/** Exports a function of this file to other modules. */
export declare function EXPORT_SYMBOL<T>(fn: T): void;
/** The same, to modules under the GPL alone. */
export declare function EXPORT_SYMBOL_GPL<T>(fn: T): void;

/** A UTF-8 text ending in NUL in static data; the argument must be a literal. @returns its address */
export declare function cstr(text: string): usize;
