// A driver is given up, after it has died: nobody of its name comes to take over what it has left.

import { MAX_DEVICES } from '../abi/limits';
import { DEV_ENDPOINT, DEV_FLAGS, DEVICE_BITS, ENDPOINT_NONE } from '../abi/file';
import { device_at, device_orphaned, device_remove } from '../fs/devices';
import { hash_of_owner } from '../fs/owner-hash';
import { nodes_forget } from '../fs/nodes';
import { device_kept } from '../fs/successor';
import { store_forget } from '../ipc/store';
import { held_resume } from '../ipc/submit';

/** The driver that died on `channel` has been given up: what waits for a successor of it waits no longer. */
export function held_cancel(channel: i32): void {
  for (let i = 0; i < MAX_DEVICES; i++) {
    const dev = device_at(i);
    const dead = load<u32>(dev, DEV_ENDPOINT) == ENDPOINT_NONE;
    if (dead && device_kept(dev) && load<u32>(dev, DEV_FLAGS) >> DEVICE_BITS == channel + 1) held_resume(dev);
  }
}

/** Nobody of that name comes any more: what one that died has left goes, and whoever waits for it is answered. */
export function module_forget(name: usize): void {
  const owner = hash_of_owner(name);
  for (let dev = device_orphaned(owner); dev; dev = device_orphaned(owner)) {
    held_resume(dev);
    device_remove(dev);
  }
  nodes_forget(owner);
  store_forget(name);
}
