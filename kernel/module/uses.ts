// Who uses whose symbols: one reference for each pair of user and owner, as Linux's module_use.

import { MACHINE_BASE } from '../abi/map';
import { M_USES } from '../abi/machine';
import {
  MOD_NAME,
  MOD_STATE,
  MODULE_COMING,
  MODULE_LIVE,
  USE_NEXT,
  USE_OWNER,
  USE_SIZE,
  USE_USER,
} from '../abi/module';
import { EBUSY, ENOENT, ENOMEM } from '../abi/errno';
import { keep_alloc, keep_free } from './kept';
import { find_module, module_orphaned, module_put, remove_module, try_module_get } from './list';

// @ts-ignore: decorator
@inline
function first(): usize {
  return <usize>load<u32>(MACHINE_BASE, M_USES);
}

// @ts-ignore: decorator
@inline
function next(use: usize): usize {
  return <usize>load<u32>(use, USE_NEXT);
}

export function is_user(user: usize, owner: usize): bool {
  for (let use = first(); use; use = next(use)) {
    if (<usize>load<u32>(use, USE_USER) == user && <usize>load<u32>(use, USE_OWNER) == owner) return true;
  }
  return false;
}

/** @returns 0, -EBUSY while the owner is coming, -ENOENT when it is going, -ENOMEM */
export function uses_add(user: usize, owner: usize): i32 {
  if (is_user(user, owner)) return 0;
  const state = load<u32>(owner, MOD_STATE);
  if (state != MODULE_LIVE) return state == MODULE_COMING ? -EBUSY : -ENOENT;
  const use = keep_alloc(user, USE_SIZE);
  if (!use) return -ENOMEM;
  try_module_get(owner);
  store<u32>(use, <u32>first(), USE_NEXT);
  store<u32>(use, <u32>user, USE_USER);
  store<u32>(use, <u32>owner, USE_OWNER);
  store<u32>(MACHINE_BASE, <u32>use, M_USES);
  return 0;
}

/** Gives back every reference that `user` holds. */
export function uses_release(user: usize): void {
  drop(user, USE_USER);
}

/** Forgets everybody who used `owner`, which is removed though it is in use. */
export function uses_forget(owner: usize): void {
  drop(owner, USE_OWNER);
}

function drop(mod: usize, side: usize): void {
  let link = <usize>(MACHINE_BASE + M_USES);
  for (let use = <usize>load<u32>(link); use; use = <usize>load<u32>(link)) {
    if (<usize>load<u32>(use + side) != mod) {
      link = use + USE_NEXT;
      continue;
    }
    store<u32>(link, <u32>next(use));
    const owner = <usize>load<u32>(use, USE_OWNER);
    module_put(owner);
    keep_free(<usize>load<u32>(use, USE_USER), use);
    if (side == USE_USER && module_orphaned(owner) && !users_of(owner)) remove_module(owner);
  }
}

export function users_of(owner: usize): i32 {
  let users = 0;
  for (let use = first(); use; use = next(use)) users += i32(<usize>load<u32>(use, USE_OWNER) == owner);
  return users;
}

/** Name of the `i`-th user of the module `name`, a C string; 0 behind the last. */
export function module_holder(name: usize, i: i32): usize {
  const mod = find_module(name);
  const user = mod ? user_of(mod, i) : 0;
  return user ? user + MOD_NAME : 0;
}

/** @returns the `i`-th user of `owner`, the latest first, or 0 */
export function user_of(owner: usize, i: i32): usize {
  for (let use = first(); use; use = next(use)) {
    if (<usize>load<u32>(use, USE_OWNER) == owner && !i--) return <usize>load<u32>(use, USE_USER);
  }
  return 0;
}
