// What only the host can do for the kernel's image. The domain's image has its own list in ../ipc/gates.ts; both are
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
 * Runs a request in a sandbox, a driver's domain on this thread. The host's frame catches what the driver traps with; the open
 * file's handle and position are in the channel's reply line afterwards.
 * @param position_low the file's position, in two halves
 * @returns the driver's status, or GATE_TRAPPED
 */
@external("host", "gate")
export declare function gate(
  channel: i32,
  operation: i32,
  handle: u32,
  device: u32,
  position_low: i32,
  position_high: i32,
  buffer: u32,
  count: u32,
): i32;

/** Has the host carry a submission to a driver's thread; its reply comes the same way. */
@external("host", "post")
export declare function post(channel: i32, submission: usize): void;
