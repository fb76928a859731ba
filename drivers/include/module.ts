// What a driver says of itself. All of it is read by the linker and leaves no code behind; each stands at the top level of
// the driver's main file. EXPORT_SYMBOL may stand in another of its files too, if the main file passes the symbol on.

/** The licence; "GPL" or one of Linux's GPL-compatible ones, anything else taints the kernel. Once. */
export declare function MODULE_LICENSE(license: string): void;
/** `Name <mail address>`; one for each author. */
export declare function MODULE_AUTHOR(author: string): void;
/** What the module is for, in a line. Once. */
export declare function MODULE_DESCRIPTION(text: string): void;
/** The module's own version, for people. Once. */
export declare function MODULE_VERSION(version: string): void;
/**
 * Another name by which the module is found: `devname:ramdisk` has the kernel load it when /dev/ramdisk is opened.
 * A shell's pattern (`*`, `?`, `[a-c]`); one word; any number of them.
 */
export declare function MODULE_ALIAS(pattern: string): void;
/**
 * Modules that modprobe inserts before this one or after it, if they are there: "pre: a b post: c".
 * What the module imports from others needs no mention.
 */
export declare function MODULE_SOFTDEP(text: string): void;
/**
 * What the module's death leads to where it lives in a domain of its own, unless whoever runs the machine says otherwise:
 * words separated by commas.
 *
 *   permanent | transient | temporary   restarted always (as without any word), after an abnormal end, never. An orderly end is
 *                                       do_exit(0); nothing is restarted after rmmod.
 *   essential                           the machine panics where the module would be given up
 *   intensity:N/MS                      more than N restarts in MS ms are too many: it is given up
 *   backoff:BASE/CAP  stable:MS         ms before the second restart, doubling to CAP; anew after a life of so many ms
 *   owners:restart                      it is restarted with those whose symbols it uses; owners:tell is what is done otherwise
 *
 * Once.
 */
export declare function MODULE_RESTART(words: string): void;

/**
 * Makes a module-level `let` of this file a parameter of insmod (`insmod ramdisk size=65536`). Its initial value is a
 * constant.
 * @param type "bool" (a `bool`), "int" (an `i32`), "uint" (a `u32`) or "charp" (a `usize`, the address of a C string:
 *   `let label: usize = cstr('none')`, or 0)
 * @param perm mode of /sys/module/NAME/parameters/VARIABLE: 0o444 to be read, 0o644 to be written by its owner, 0 for no
 *   such file. A value that is written there changes under the module's feet.
 * @param text what it is, as modinfo prints it
 */
export declare function module_param<T>(variable: T, type: string, perm: i32, text: string): void;
/**
 * Makes a module-level array a parameter of insmod (`insmod sensor lines=3,5,8`): a `const` that is a StaticArray of
 * constants. It has room for as many values as it has initial ones; those that insmod does not give keep theirs.
 * @param type of an element, as for module_param
 */
export declare function module_param_array<T>(array: T, type: string, perm: i32, text: string): void;
/** A parameter's value at rmmod is there again at the next insmod, unless insmod gives another. */
export declare function MODULE_PERSIST<T>(variable: T): void;

/**
 * Exports a function or a variable of this file (`export function`, `export let`) to other modules.
 *
 * A function that is called from another domain is called through a gate: numbers are passed, and the buffers that its
 * parameters' types name are copied. Whatever else is an address means nothing there.
 *
 *   export function base_sum(data: InBuffer, count: Length): i32
 *
 * Of a variable, others import the address; see the example below. A module that does so has to be in the same domain. A
 * `const` that holds the address of static data (`memory.data(64)`) exports the data.
 *
 *   // @ts-ignore: decorator
 *   @external("GOT.mem", "base_total") declare let base_total: usize;      // load<i32>(base_total)
 */
export declare function EXPORT_SYMBOL<T>(symbol: T): void;
/** The same, to modules under the GPL alone. */
export declare function EXPORT_SYMBOL_GPL<T>(symbol: T): void;

/** The address of bytes that an exported function reads; a Length follows it. */
export type InBuffer = usize;
/** The address of bytes that an exported function writes, all of them; a Length follows it. */
export type OutBuffer = usize;
/** Of an exported function: bytes of the buffer before it. */
export type Length = i32;

/** A UTF-8 text ending in NUL in static data; the argument must be a literal. @returns its address */
export declare function cstr(text: string): usize;
