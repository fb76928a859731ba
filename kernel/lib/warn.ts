// What the kernel does when something is wrong and it can go on, or cannot: Linux's WARN and panic. Kernel's image only.

import { MACHINE_BASE } from '../abi/map';
import { M_PANIC_ON_WARN, M_STATE, M_TAINT, STATE_PANIC, TAINT_WARN } from '../abi/machine';
import { LEVEL_EMERG, LOG_TEXT_MAX } from '../abi/log';
import { EXPORT_SYMBOL } from './export';
import { cstr } from './cstr';
import { vsnprintf } from './format';
import { end_task, show_warning } from './host';
import { pr } from './printk';

const text = memory.data(256);
const words = memory.data(4);

/** Says why this kernel stops, and that it has. The host stops it when the call in progress ends. */
export function panicked(why: usize, word: usize = 0): void {
  pr(LEVEL_EMERG, why, word);
  store<u32>(MACHINE_BASE, STATE_PANIC, M_STATE);
}

/** Stops this kernel in the middle of what it does. Does not return. */
export function panic(why: usize, word: usize = 0): void {
  panicked(why, word);
  end_task(0);
}

/**
 * WARN as drivers have it: the text (a C string, 0 for none) goes into the log with the call trace that leads here, which the
 * host alone can see. Sets taint W; /proc/sys/kernel/panic_on_warn makes it a panic.
 */
export function warn_slowpath(what: usize): void {
  show_warning(what);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_WARN, M_TAINT);
  if (load<u32>(MACHINE_BASE, M_PANIC_ON_WARN))
    panic(cstr('Kernel panic - not syncing: kernel: panic_on_warn set ...'));
}
EXPORT_SYMBOL(warn_slowpath);

/** Says that something is wrong, for the kernel's own code: a format with one word. */
export function warn(format: usize, word: usize = 0): void {
  store<u32>(words, word);
  vsnprintf(text, LOG_TEXT_MAX + 1, format, words);
  warn_slowpath(text);
}
