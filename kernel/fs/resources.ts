// What a module has registered with the kernel, taken back in one place when it goes: whatever it forgot is named in
// the log. What the kernel keeps for a module of another domain is told by the kernel, not by the domain as well.

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
 * The driver behind an endpoint is gone: what it registered waits for a successor, open files are stale.
 * @param keep whether its devices are kept, whatever they are
 */
export function resources_orphan(endpoint: u32, keep: bool): void {
  devices_orphan(endpoint, keep);
  nodes_orphan(endpoint);
  nodes_stale(endpoint);
}

/** A module is gone for good. @param endpoint channel + 1 of its domain, 0 for this one */
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
