// register_chrdev in the kernel's domain. The caller is the module that runs.

import { EXPORT_SYMBOL } from '../lib/export';
import { MACHINE_BASE } from '../abi/map';
import { M_CALL_MODULE } from '../abi/machine';
import { DEV_ENDPOINT, DEV_NAME, FOPS_FLAGS } from '../abi/file';
import { device_add, device_by_major, device_remove } from './devices';
import { same_name } from '../lib/text';

/**
 * Registers a character device under a major number, 0 for a dynamic one.
 * @param fops struct file_operations, which must stay where it is
 * @returns the major where it is dynamic, else 0; or a negative errno
 */
export function register_chrdev(major: u32, name: usize, fops: usize): i32 {
  const mod = <usize>load<u32>(MACHINE_BASE, M_CALL_MODULE);
  const given = device_add(major, name, 0, mod, fops, load<u32>(fops, FOPS_FLAGS));
  return major && given > 0 ? 0 : given;
}
EXPORT_SYMBOL(register_chrdev);

export function unregister_chrdev(major: u32, name: usize): void {
  const dev = major ? device_by_major(major) : 0;
  if (dev && !load<u32>(dev, DEV_ENDPOINT) && same_name(dev + DEV_NAME, name)) device_remove(dev);
}
EXPORT_SYMBOL(unregister_chrdev);
