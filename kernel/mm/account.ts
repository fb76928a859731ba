// Who holds how much: the domain's total, and each module's bytes and objects.

import { MACHINE_BASE } from '../abi/map';
import { M_BYTES_USED, M_CALL_MODULE } from '../abi/machine';
import { MOD_BYTES, MOD_OBJECTS } from '../abi/module';

/** Whom an allocation without a name is for: the module that runs, 0 for the kernel. */
// @ts-ignore: decorator
@inline
export function current_owner(): usize {
  return <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE);
}

/** @param owner struct module, or 0 for the kernel */
// @ts-ignore: decorator
@inline
export function account(owner: usize, bytes: i32, objects: i32): void {
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_BYTES_USED) + bytes, M_BYTES_USED);
  if (!owner) return;
  store<u32>(owner, load<u32>(owner, MOD_BYTES) + bytes, MOD_BYTES);
  store<u32>(owner, load<u32>(owner, MOD_OBJECTS) + objects, MOD_OBJECTS);
}
