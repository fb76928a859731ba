// Whether a device waits for the successor of its driver. Its requests are held meanwhile (ipc/held.ts), and its open files are
// reopened at the successor.

import { DEV_FLAGS, DEVICE_KEPT, DEVICE_REPLACED } from '../abi/file';

/** Whether a device is kept for a successor of its driver. */
export function device_kept(dev: usize): bool {
  return (load<u32>(dev, DEV_FLAGS) & DEVICE_KEPT) != 0;
}

/** Whether a request to a device without a driver is held for a successor. @param harmless the request may be repeated */
export function device_waits(dev: usize, harmless: bool): bool {
  return (load<u32>(dev, DEV_FLAGS) & (harmless ? DEVICE_KEPT : DEVICE_REPLACED)) != 0;
}
