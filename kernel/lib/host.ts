// What only the host can do for the kernel's image. The domain's image has its own list in ../ipc/domain/gates.ts; both are
// implemented in host/domain/imports.ts.

/** Monotonic clock in ms. */
@external("host", "now")
export declare function now(): f64;

/** Sleeps until the word at `address` is no longer `expected`, somebody notifies it, or `ms` have passed. */
@external("host", "wait")
export declare function wait(address: usize, expected: i32, ms: f64): void;

/** Tells the supervisor that an incarnation was given up by the kernel, and why. */
@external("host", "complain")
export declare function complain(channel: i32, generation: i32, reason: i32): void;

/** Asks the supervisor for the module of an alias (a C string), for a client that waits. */
@external("host", "ask_for_module")
export declare function ask_for_module(client: i32, alias: usize): void;

/** Puts a warning into the log: a text (0 for none), and the call trace that leads here. */
@external("host", "warn")
export declare function show_warning(text: usize): void;

/** The client that called is ended: leaves the call in progress, whatever is on the stack, as a task that exits does. */
@external("host", "end_task")
export declare function end_task(code: i32): void;

/**
 * Calls `gate_enter` back with the same, in a frame that catches what the driver traps with.
 * @returns the driver's status, or GATE_TRAPPED
 */
@external("host", "gate")
export declare function gate(ticket: i32): i32;

/** Runs a request in a sandbox that is not the device's, in such a frame. */
@external("host", "gate_special")
export declare function gate_special(channel: i32, operation: i32, argument0: i32, argument1: i32): i32;

/** What a sandbox calls the file that it has just opened. */
@external("host", "gate_handle")
export declare function gate_handle(channel: i32): u32;

/** Has the host carry a submission to a driver's thread; its reply comes the same way. */
@external("host", "post")
export declare function post(channel: i32, submission: usize): void;
