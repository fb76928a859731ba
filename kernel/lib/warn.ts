// What the kernel does when something is wrong and it can go on, or cannot: Linux's WARN and panic. Kernel's image only.

import { MACHINE_BASE } from '../abi/map';
import { M_PANIC_ON_WARN, M_STATE, M_TAINT, STATE_PANIC, TAINT_WARN } from '../abi/machine';
import { LEVEL_EMERG, LEVEL_WARNING } from '../abi/log';
import { cstr } from './cstr';
import { end_task } from './host';
import { pr } from './printk';

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

/** Says that something is wrong, and sets taint W; /proc/sys/kernel/panic_on_warn makes it a panic. */
export function warn(where: usize, what: usize, word: usize = 0): void {
  pr(LEVEL_WARNING, cstr('------------[ cut here ]------------'));
  pr(LEVEL_WARNING, what, word);
  pr(LEVEL_WARNING, cstr('WARNING: at %s'), where);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_WARN, M_TAINT);
  if (load<u32>(MACHINE_BASE, M_PANIC_ON_WARN))
    panic(cstr('Kernel panic - not syncing: kernel: panic_on_warn set ...'));
}
