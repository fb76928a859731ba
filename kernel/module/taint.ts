// What taints the kernel when a module is loaded, as Linux decides it: a licence that is not the GPL's, a module from out of
// the tree, a forced load. A taint stays when its cause is gone.

import { MACHINE_BASE } from '../abi/map';
import { M_TAINT, TAINT_FORCED_MODULE, TAINT_OOT_MODULE, TAINT_PROPRIETARY } from '../abi/machine';
import { LOAD_INTREE, LOAD_TOLD, MOD_NAME, MOD_TAINT } from '../abi/module';
import { LEVEL_WARNING } from '../abi/log';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { same_text } from '../lib/text';

export function add_taint(bits: u32): void {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | bits, M_TAINT);
}

function taint_by(mod: usize, bits: u32): void {
  store<u32>(mod, load<u32>(mod, MOD_TAINT) | bits, MOD_TAINT);
  add_taint(bits);
}

/** Linux's license_is_gpl_compatible. */
function gpl_compatible(license: usize): bool {
  return (
    same_text(license, cstr('GPL')) ||
    same_text(license, cstr('GPL v2')) ||
    same_text(license, cstr('GPL and additional rights')) ||
    same_text(license, cstr('Dual BSD/GPL')) ||
    same_text(license, cstr('Dual MIT/GPL')) ||
    same_text(license, cstr('Dual MPL/GPL'))
  );
}

/** @param license empty where the module does not say */
export function taint_of_origin(mod: usize, license: usize, flags: u32): void {
  if (!(flags & LOAD_INTREE)) {
    if (!(load<u32>(MACHINE_BASE, M_TAINT) & TAINT_OOT_MODULE) && !(flags & LOAD_TOLD))
      pr(LEVEL_WARNING, cstr('%s: loading out-of-tree module taints kernel.'), mod + MOD_NAME);
    taint_by(mod, TAINT_OOT_MODULE);
  }
  if (gpl_compatible(license)) return;
  if (!(load<u32>(MACHINE_BASE, M_TAINT) & TAINT_PROPRIETARY) && !(flags & LOAD_TOLD))
    pr(
      LEVEL_WARNING,
      cstr("%s: module license '%s' taints kernel."),
      mod + MOD_NAME,
      load<u8>(license) ? license : cstr('unspecified'),
    );
  taint_by(mod, TAINT_PROPRIETARY);
}

/** Linux's try_to_force_load: something that should be checked is not there, or is not to be looked at. */
export function taint_forced(mod: usize, reason: usize, told: bool = false): void {
  if (!(load<u32>(MACHINE_BASE, M_TAINT) & TAINT_FORCED_MODULE) && !told)
    pr(LEVEL_WARNING, cstr('%s: %s: kernel tainted.'), mod + MOD_NAME, reason);
  taint_by(mod, TAINT_FORCED_MODULE);
}
