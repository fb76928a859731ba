// The tree of files, which is made at boot. A driver's domain has no tree, only nodes.

import { devfs_init } from './devfs';
import { kernel_files_init } from './proc/kernel-files';
import { kmsg_init } from './proc/kmsg';
import { path_init } from './path';
import { procfs_init } from './proc/procfs';
import { sysctl_init } from './proc/sysctl';
import { sysfs_init } from './sys/sysfs';

export function tree_init(): void {
  const root = path_init();
  devfs_init(root); // names of devices
  procfs_init(root); // files about the kernel and its drivers
  sysfs_init(root); // modules, one by one
  kernel_files_init();
  sysctl_init(); // settings
  kmsg_init(); // the log
}
