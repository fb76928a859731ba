// struct module (abi/module.ts): the list, its states, and references.
//
// A reference is held by each open file on the module's devices and by each module that uses its symbols.

import { MACHINE_BASE } from '../abi/map';
import { M_MODULES, M_MODULE_COUNT } from '../abi/machine';
import { MAX_MODULES, NAME_SIZE } from '../abi/limits';
import { ENDPOINT_NONE } from '../abi/file';
import {
  MOD_ENDPOINT,
  MOD_GETS,
  MOD_NEXT,
  MOD_STATE,
  MOD_REFERENCES,
  MOD_BASE,
  MOD_NAME,
  MOD_CHECKSUM,
  MOD_FLAGS,
  MOD_STRUCT_SIZE,
  MOD_INIT,
  MODULE_COMING,
  MODULE_GOING,
  MODULE_LIVE,
  MODULE_RESTARTED,
  MODULE_UNFORMED,
  MODULE_UPDATED,
} from '../abi/module';
import { FNV_OFFSET } from '../abi/log';
import { kmalloc_for, kfree } from '../mm/kmalloc';
import { fnv, same_name, strscpy } from '../lib/text';

/** @returns the module of that name, or 0 */
export function find_module(name: usize): usize {
  let mod = <usize>load<u32>(MACHINE_BASE, M_MODULES);
  for (let i = 0; mod && i < MAX_MODULES; i++) {
    if (same_name(mod + MOD_NAME, name)) return mod;
    mod = <usize>load<u32>(mod, MOD_NEXT);
  }
  return 0;
}

/**
 * A new module in state UNFORMED at the front of the list.
 * @returns 0 when there is no memory
 */
export function add_module(name: usize): usize {
  const mod = kmalloc_for(0, MOD_STRUCT_SIZE);
  if (!mod) return 0;
  memory.fill(mod, 0, MOD_STRUCT_SIZE);
  strscpy(mod + MOD_NAME, name, NAME_SIZE);
  store<u32>(mod, MODULE_UNFORMED, MOD_STATE);
  store<u32>(mod, load<u32>(MACHINE_BASE, M_MODULES), MOD_NEXT);
  store<u32>(MACHINE_BASE, <u32>mod, M_MODULES);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_MODULE_COUNT) + 1, M_MODULE_COUNT);
  return mod;
}

/** Takes a module off the list and frees its struct; what it owned must be gone. */
export function remove_module(mod: usize): void {
  let link = <usize>(MACHINE_BASE + M_MODULES);
  for (let i = 0; load<u32>(link) && i < MAX_MODULES; i++) {
    if (<usize>load<u32>(link) == mod) {
      store<u32>(link, load<u32>(mod, MOD_NEXT));
      store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_MODULE_COUNT) - 1, M_MODULE_COUNT);
      kfree(mod);
      return;
    }
    link = <usize>load<u32>(link) + MOD_NEXT;
  }
}

/** Seals what must not change while the module is loaded. */
export function seal_module(mod: usize): void {
  const place = fnv(FNV_OFFSET, mod + MOD_BASE, MOD_INIT - MOD_BASE);
  store<u32>(mod, fnv(place, mod + MOD_NAME, NAME_SIZE), MOD_CHECKSUM);
}

/** Whether a module's driver has died while others use its symbols: it waits for a successor. */
export function module_orphaned(mod: usize): bool {
  return load<u32>(mod, MOD_ENDPOINT) == ENDPOINT_NONE;
}

/** Whether a module can be used; the kernel itself (0) always can. */
export function module_live(mod: usize): bool {
  return !mod || load<u32>(mod, MOD_STATE) == MODULE_LIVE;
}

/**
 * Whether another of its name may come after a module that goes, in the state that it is in: not after one that is refused or
 * dies when it is loaded for the first time, nor after one that is unloaded.
 * @param replaced whether it is unloaded for a successor
 */
export function module_followed(mod: usize, replaced: bool): bool {
  const state = load<u32>(mod, MOD_STATE);
  if (state == MODULE_COMING) return (load<u32>(mod, MOD_FLAGS) & (MODULE_RESTARTED | MODULE_UPDATED)) != 0;
  return state != MODULE_GOING || replaced;
}

/** Takes a reference. @returns false when the module is going or not yet live */
export function try_module_get(mod: usize): bool {
  if (!module_live(mod)) return false;
  if (!mod) return true;
  store<u32>(mod, load<u32>(mod, MOD_REFERENCES) + 1, MOD_REFERENCES);
  store<u32>(mod, load<u32>(mod, MOD_GETS) + 1, MOD_GETS);
  return true;
}

export function module_put(mod: usize): void {
  if (mod) store<u32>(mod, load<u32>(mod, MOD_REFERENCES) - 1, MOD_REFERENCES);
}
