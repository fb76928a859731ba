// The names of functions, exported or not: one table for the kernel and one for each module (abi/module.ts), which the host
// fills from the file when it loads it. For people: /proc/kallsyms, oopses. Nothing is linked by them.

import { MACHINE_BASE } from '../abi/map';
import { M_KALLSYMS } from '../abi/machine';
import { MOD_KALLSYMS } from '../abi/module';
import { ENOMEM } from '../abi/errno';
import { keep_alloc, keep_free } from './kept';


@inline
function root(mod: usize): usize {
  return mod ? mod + MOD_KALLSYMS : <usize>(MACHINE_BASE + M_KALLSYMS);
}

/** Memory for a table of `size` bytes. @returns its address, which the host fills, or -ENOMEM */
export function module_kallsyms(mod: usize, size: i32): i32 {
  const place = keep_alloc(mod, size);
  if (!place) return -ENOMEM;
  memory.fill(place, 0, size);
  store<u32>(root(mod), <u32>place);
  return <i32>place;
}

export function kallsyms_free(mod: usize): void {
  keep_free(mod, load<u32>(root(mod)));
  store<u32>(root(mod), 0);
}
