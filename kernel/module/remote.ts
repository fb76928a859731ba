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
  MOD_INIT,
  MOD_REFERENCES,
  MOD_SIZE,
  MOD_STATE,
  MODULE_COMING,
  MODULE_UNFORMED,
} from '../abi/module';
import { files_orphan } from '../fs/files';
import { endpoint_up } from '../ipc/endpoint';
import { set_endpoint_module } from '../ipc/incarnation';
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
