// Timers: functions that are called when their time has come. They run between calls, in the domain of the driver that
// started them: in the kernel's loop, or on the driver's own thread while it waits for requests. A jiffy is a millisecond.

import { EXPORT_SYMBOL } from './export';
import { MACHINE_BASE } from '../abi/map';
import { M_CALL_FILE, M_CALL_MODULE, M_CALL_OPERATION, M_TIMERS } from '../abi/machine';
import { OP_TIMER } from '../abi/operation';
import {
  TIMER_EXPIRES,
  TIMER_FLAGS,
  TIMER_FUNCTION,
  TIMER_NEXT,
  TIMER_OWNER,
  TIMER_PLACE,
  TIMER_SIZE,
} from '../abi/timer';
import { LEVEL_ERR } from '../abi/log';
import { cstr } from './cstr';
import { now } from './host';
import { pr } from './printk';

/** ms until the next one where there is none. */
const NEVER: f64 = 1e9;
/** Functions called before the loop goes on with something else. */
const MOST = 64;

let epoch: f64 = 0;

export function timers_init(): void {
  epoch = now();
  store<u32>(MACHINE_BASE, 0, M_TIMERS);
}

/** Milliseconds since this domain has booted. */
export function get_jiffies_64(): u64 {
  return <u64>(now() - epoch);
}
EXPORT_SYMBOL(get_jiffies_64);

/** The monotonic clock in ns. */
export function ktime_get(): i64 {
  return <i64>(now() * 1e6);
}
EXPORT_SYMBOL(ktime_get);

// @ts-ignore: decorator
@inline
function first(): usize {
  return <usize>load<u32>(MACHINE_BASE, M_TIMERS);
}

/** Prepares a timer, which is 24 bytes of the driver's memory. @param callback table index of (timer) */
export function timer_setup(timer: usize, callback: u32, flags: u32): void {
  memory.fill(timer, 0, TIMER_SIZE);
  store<u32>(timer, callback, TIMER_FUNCTION);
  store<u32>(timer, flags, TIMER_FLAGS);
}
EXPORT_SYMBOL(timer_setup);

function unlink(timer: usize): void {
  const place = <usize>load<u32>(timer, TIMER_PLACE);
  const next = <usize>load<u32>(timer, TIMER_NEXT);
  store<u32>(place, <u32>next);
  if (next) store<u32>(next, <u32>place, TIMER_PLACE);
  store<u32>(timer, 0, TIMER_PLACE);
}

function link(timer: usize): void {
  const expires = load<u32>(timer, TIMER_EXPIRES);
  let place = <usize>(MACHINE_BASE + M_TIMERS);
  let next = <usize>load<u32>(place);
  // Of those that expire together the one that was started first comes first.
  while (next && <i32>(load<u32>(next, TIMER_EXPIRES) - expires) <= 0) {
    place = next + TIMER_NEXT;
    next = <usize>load<u32>(place);
  }
  store<u32>(timer, <u32>next, TIMER_NEXT);
  store<u32>(timer, <u32>place, TIMER_PLACE);
  store<u32>(place, <u32>timer);
  if (next) store<u32>(next, <u32>(timer + TIMER_NEXT), TIMER_PLACE);
  store<u32>(timer, load<u32>(MACHINE_BASE, M_CALL_MODULE), TIMER_OWNER);
}

/** Starts a timer, or moves one that runs. @param expires in jiffies. @returns 1 where it ran already, else 0 */
export function mod_timer(timer: usize, expires: u32): i32 {
  const running = load<u32>(timer, TIMER_PLACE) != 0;
  if (!load<u32>(timer, TIMER_FUNCTION)) {
    pr(LEVEL_ERR, cstr('timer 0x%x was not set up'), timer);
    return 0;
  }
  if (running) unlink(timer);
  store<u32>(timer, expires, TIMER_EXPIRES);
  link(timer);
  return i32(running);
}
EXPORT_SYMBOL(mod_timer);

/** Starts a timer whose `expires` is set. */
export function add_timer(timer: usize): void {
  mod_timer(timer, load<u32>(timer, TIMER_EXPIRES));
}
EXPORT_SYMBOL(add_timer);

/** Stops a timer. @returns 1 where it ran, else 0 */
export function del_timer(timer: usize): i32 {
  if (!load<u32>(timer, TIMER_PLACE)) return 0;
  unlink(timer);
  return 1;
}
EXPORT_SYMBOL(del_timer);

/** The same: no timer's function runs while another call does. */
export function del_timer_sync(timer: usize): i32 {
  return del_timer(timer);
}
EXPORT_SYMBOL(del_timer_sync);

/** Calls what is due. @returns ms until the next timer, or a time beyond all deadlines where none runs */
export function run_timers(): f64 {
  if (!first()) return NEVER;
  for (let calls = 0; calls < MOST; calls++) {
    const timer = first();
    if (!timer) return NEVER;
    const left = <i32>(load<u32>(timer, TIMER_EXPIRES) - <u32>get_jiffies_64());
    if (left > 0) return left;
    unlink(timer);
    store<u32>(MACHINE_BASE, load<u32>(timer, TIMER_OWNER), M_CALL_MODULE);
    store<u32>(MACHINE_BASE, OP_TIMER, M_CALL_OPERATION);
    store<u32>(MACHINE_BASE, 0, M_CALL_FILE);
    call_indirect<void>(load<u32>(timer, TIMER_FUNCTION), timer);
    store<u32>(MACHINE_BASE, 0, M_CALL_MODULE);
    store<u32>(MACHINE_BASE, 0, M_CALL_OPERATION);
  }
  return 0;
}

/** Stops every timer of a module. @returns how many ran */
export function timers_remove_all(mod: usize): i32 {
  let count = 0;
  for (let timer = first(); timer;) {
    const next = <usize>load<u32>(timer, TIMER_NEXT);
    if (<usize>load<u32>(timer, TIMER_OWNER) == mod) {
      unlink(timer);
      count++;
    }
    timer = next;
  }
  return count;
}
