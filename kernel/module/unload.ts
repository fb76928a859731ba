// Whether a module may go, and the beginning of its going (rmmod); what it had is given back by module_free (load.ts).

import { MACHINE_BASE } from '../abi/map';
import { M_MODULES_DISABLED, TAINT_FORCED_RMMOD } from '../abi/machine';
import {
  MOD_EXIT,
  MOD_INIT,
  MOD_NAME,
  MOD_REFERENCES,
  MOD_STATE,
  MODULE_GOING,
  MODULE_LIVE,
  UNLOAD_DECIDED,
  UNLOAD_FORCE,
} from '../abi/module';
import { EAGAIN, EBUSY, ENOENT, EPERM } from '../abi/errno';
import { LEVEL_WARNING } from '../abi/log';
import { nodes_release } from '../fs/nodes';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { find_module } from './list';
import { enter_module, leave_module } from './load';
import { add_taint } from './taint';

/**
 * Whether a module may be unloaded now.
 *
 * @param force rmmod -f: one that is in use, or has an init and no exit, goes all the same, and the kernel is tainted
 * @returns 0, -EPERM (the setting modules_disabled), -EBUSY (not live, or init without exit), -EAGAIN (in use)
 */
export function may_unload(mod: usize, force: bool): i32 {
  if (load<u32>(MACHINE_BASE, M_MODULES_DISABLED)) return -EPERM;
  if (load<u32>(mod, MOD_STATE) != MODULE_LIVE) return -EBUSY;
  const stuck = load<u32>(mod, MOD_INIT) && !load<u32>(mod, MOD_EXIT);
  const held = load<u32>(mod, MOD_REFERENCES) != 0;
  if (!stuck && !held) return 0;
  if (!force) return stuck ? -EBUSY : -EAGAIN;
  pr(LEVEL_WARNING, cstr('%s: forced removal: kernel tainted.'), mod + MOD_NAME);
  add_taint(TAINT_FORCED_RMMOD);
  return 0;
}

/** Whether a module may be unloaded for a successor, which those who use it go on with. */
export function may_replace(mod: usize): i32 {
  if (load<u32>(MACHINE_BASE, M_MODULES_DISABLED)) return -EPERM;
  const live = load<u32>(mod, MOD_STATE) == MODULE_LIVE;
  return live && load<u32>(mod, MOD_EXIT) ? 0 : -EBUSY;
}

/**
 * Begins the unloading of a module of this domain: refuses one in use, runs cleanup_module.
 * @param how UNLOAD_*
 * @returns struct module in state GOING, or -ENOENT, -EAGAIN (in use), -EBUSY (not live, or init without exit)
 */
export function module_exit(name: usize, how: i32): i32 {
  const mod = find_module(name);
  if (!mod) return -ENOENT;
  const status = how == UNLOAD_DECIDED ? 0 : may_unload(mod, how == UNLOAD_FORCE);
  if (status < 0) return status;
  store<u32>(mod, MODULE_GOING, MOD_STATE);
  const exit = load<u32>(mod, MOD_EXIT);
  enter_module(mod);
  if (exit) call_indirect<void>(exit);
  nodes_release(mod);
  leave_module();
  return <i32>mod;
}
