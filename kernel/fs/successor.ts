// Whether a device waits for the successor of its driver: what is asked of it meanwhile is held (ipc/held.ts), and files that
// are open on it are opened there anew.

import { DEV_FLAGS, DEVICE_KEPT, DEVICE_REPLACED } from '../abi/file';

/** Whether a successor of its driver is expected to go on where that one was. */
export function device_kept(dev: usize): bool {
  return (load<u32>(dev, DEV_FLAGS) & DEVICE_KEPT) != 0;
}

/** Whether what is asked of a device whose driver is gone waits for a successor. @param harmless it may be asked twice */
export function device_waits(dev: usize, harmless: bool): bool {
  return (load<u32>(dev, DEV_FLAGS) & (harmless ? DEVICE_KEPT : DEVICE_REPLACED)) != 0;
}
