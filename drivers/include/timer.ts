// Timers: a function is called when its time has come, between two calls of the driver, on whatever thread the driver lives.
// A jiffy is a millisecond. Timers that a driver leaves running are stopped at rmmod, and named in the log.

/** A timer, in memory that stays where it is. */
@unmanaged
export class Timer {
  next: usize;
  /** 0 while it does not run. */
  place: usize;
  /** In jiffies. */
  expires: u32;
  callback: u32;
  flags: u32;
  owner: usize;
}

/** A timer in 24 bytes of static memory. */
// @ts-ignore: decorator
@inline
export function timer_at(place: usize): Timer {
  return changetype<Timer>(place);
}

/** Jiffies in a second. */
export const HZ: u32 = 1000;

/** Prepares a timer. @param callback `operation(fn)` of (timer: Timer) => void; flags 0 */
@external("env", "timer_setup")
export declare function timer_setup(timer: Timer, callback: u32, flags: u32): void;

/** Starts a timer whose `expires` is set. */
@external("env", "add_timer")
export declare function add_timer(timer: Timer): void;

/** Starts a timer, or moves one that runs, to expire at a time in jiffies. @returns 1 where it ran already, else 0 */
@external("env", "mod_timer")
export declare function mod_timer(timer: Timer, expires: u32): i32;

/** Stops a timer. @returns 1 where it ran, else 0 */
@external("env", "del_timer")
export declare function del_timer(timer: Timer): i32;


@external("env", "get_jiffies_64")
export declare function get_jiffies_64(): u64;

/** The monotonic clock in ns. */
@external("env", "ktime_get")
export declare function ktime_get(): i64;

/** Milliseconds since boot, going round after 49 days. */
// @ts-ignore: decorator
@inline
export function jiffies(): u32 {
  return <u32>get_jiffies_64();
}

// @ts-ignore: decorator
@inline
export function msecs_to_jiffies(ms: u32): u32 {
  return ms;
}

/** Whether a timer runs. */
// @ts-ignore: decorator
@inline
export function timer_pending(timer: Timer): bool {
  return timer.place != 0;
}
