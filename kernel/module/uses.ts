// Who uses whose symbols: one reference per (user, owner) pair, as Linux's module_use.

import { MOD_STATE, MODULE_LIVE } from '../abi/module';
import { EAGAIN, ENOMEM } from '../abi/errno';
import { kmalloc_for, kfree } from '../mm/kmalloc';
import { module_put, try_module_get } from './list';

// next, user, owner
let head: usize = 0;

/** @returns 0, -EAGAIN when the owner is not live, -ENOMEM */
export function uses_add(user: usize, owner: usize): i32 {
  for (let use = head; use; use = <usize>load<u32>(use)) {
    if (<usize>load<u32>(use, 4) == user && <usize>load<u32>(use, 8) == owner) return 0;
  }
  if (load<u32>(owner, MOD_STATE) != MODULE_LIVE) return -EAGAIN;
  const use = kmalloc_for(0, 12);
  if (!use) return -ENOMEM;
  try_module_get(owner);
  store<u32>(use, <u32>head);
  store<u32>(use, <u32>user, 4);
  store<u32>(use, <u32>owner, 8);
  head = use;
  return 0;
}

/** Gives back every reference that `user` holds. */
export function uses_release(user: usize): void {
  let before: usize = 0;
  for (let use = head; use;) {
    const next = <usize>load<u32>(use);
    if (<usize>load<u32>(use, 4) != user) {
      before = use;
      use = next;
      continue;
    }
    module_put(<usize>load<u32>(use, 8));
    if (before) store<u32>(before, <u32>next);
    else head = next;
    kfree(use);
    use = next;
  }
}
