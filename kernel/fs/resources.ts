// Removes what a module has registered with the kernel, when it is unloaded. The log names what it has not removed itself. For a
// module of another domain the kernel logs this, and that domain does not.

import { MACHINE_BASE } from '../abi/map';
import { M_ISOLATED } from '../abi/machine';
import { LEVEL_WARNING } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { timers_remove_all } from '../lib/timer';
import { devices_orphan, devices_remove_all } from './devices';
import { nodes_orphan, nodes_remove_all, nodes_stale } from './nodes';

/**
 * The driver behind an endpoint has ended: what it registered waits for a successor, its open files are stale.
 * @param keep whether all its devices are kept, not only the idempotent ones
 */
export function resources_orphan(endpoint: u32, keep: bool): void {
  devices_orphan(endpoint, keep);
  nodes_orphan(endpoint);
  nodes_stale(endpoint);
}

/** A module has ended without a successor. @param endpoint channel + 1 of its domain, 0 for this one */
export function resources_remove(mod: usize, endpoint: u32): void {
  const devices = devices_remove_all(mod, endpoint);
  const files = nodes_remove_all(mod, endpoint);
  if (endpoint) nodes_stale(endpoint);
  const timers = endpoint ? 0 : timers_remove_all(mod);
  if (timers) pr(LEVEL_WARNING, cstr('%s: left %d timers active'), mod + MOD_NAME, timers);
  if (load<u32>(MACHINE_BASE, M_ISOLATED)) return;
  if (devices) pr(LEVEL_WARNING, cstr('%s: left %d devices registered'), mod + MOD_NAME, devices);
  if (files) pr(LEVEL_WARNING, cstr('%s: left %d proc files registered'), mod + MOD_NAME, files);
}
