// Modules that live in another domain, as the kernel sees them: the host has taken them through the steps of ./load.ts that
// others can see (name, taints, symbols, dependencies, parameters), their own domain holds the instance.
//
// When such a driver dies, its struct module waits for a successor as long as others use its symbols: they keep their
// references, and find the symbols again under the same names.

import { EIO } from '../abi/errno';
import { ENDPOINT_NONE } from '../abi/file';
import {
  MOD_ENDPOINT,
  MOD_EXIT,
  MOD_FLAGS,
  MOD_INIT,
  MOD_REFERENCES,
  MOD_SIZE,
  MOD_STATE,
  MODULE_COMING,
  MODULE_GOING,
  MODULE_RESTARTED,
  MODULE_UNFORMED,
  MODULE_UPDATED,
} from '../abi/module';
import { device_left, device_remove } from '../fs/devices';
import { files_orphan } from '../fs/files';
import { hash_of_owner } from '../fs/heirs';
import { nodes_forget } from '../fs/nodes';
import { endpoint_up, set_endpoint_module } from '../ipc/endpoint';
import { held_resume } from '../ipc/held';
import { store_forget } from '../ipc/store';
import { remove_module, seal_module } from './list';
import { module_strip } from './load';
import { users_of } from './uses';

/** The module is about to be loaded by its own domain. @returns 0, or -EIO where that is gone already */
export function module_announce(mod: usize, size: i32, init: bool, exit: bool): i32 {
  const channel = <i32>load<u32>(mod, MOD_ENDPOINT) - 1;
  if (!endpoint_up(channel)) return -EIO;
  store<u32>(mod, size, MOD_SIZE);
  store<u32>(mod, u32(init), MOD_INIT);
  store<u32>(mod, u32(exit), MOD_EXIT);
  store<u32>(mod, MODULE_COMING, MOD_STATE);
  seal_module(mod);
  set_endpoint_module(channel, mod);
  return 0;
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

/** A module of another domain is gone: unloaded, refused by its domain, or dead. */
export function module_gone(mod: usize): void {
  const endpoint = load<u32>(mod, MOD_ENDPOINT);
  if (endpoint && endpoint != ENDPOINT_NONE) set_endpoint_module(<i32>endpoint - 1, 0);
  files_orphan(mod);
  module_strip(mod);
  const users = users_of(mod);
  if (!users) return remove_module(mod);
  store<u32>(mod, users, MOD_REFERENCES);
  store<u32>(mod, MODULE_UNFORMED, MOD_STATE);
  store<u32>(mod, ENDPOINT_NONE, MOD_ENDPOINT);
}

/** Nobody of that name comes any more: what one that died has left goes, and whoever waits for it is answered. */
export function module_forget(name: usize): void {
  const owner = hash_of_owner(name);
  for (let dev = device_left(owner); dev; dev = device_left(owner)) {
    held_resume(dev);
    device_remove(dev);
  }
  nodes_forget(owner);
  store_forget(name);
}
