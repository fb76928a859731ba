// The part of booting that both images share, in order.

import { MACHINE_BASE } from './abi/map';
import {
  ABI_VERSION,
  M_ABI,
  M_BOOT,
  M_DEADLINE,
  M_ISOLATED,
  M_MAGIC,
  M_MEMORY_SIZE,
  M_PANIC_ON_OOPS,
  M_SLUB_DEBUG,
  M_STATE,
  MACHINE_MAGIC,
  STATE_BOOTING,
} from './abi/machine';
import { SLUB_ALL } from './abi/heap';
import { buddy_init } from './mm/buddy';
import { kmalloc_init } from './mm/kmalloc';
import { slots_init } from './mm/slots';
import { vmalloc_init } from './mm/vmalloc';
import { symbols_init } from './module/symbols';
import { load_init } from './module/load';
import { devices_init } from './fs/devices';
import { files_init } from './fs/files';
import { nodes_init } from './fs/nodes';
import { timers_init } from './lib/timer';

/**
 * @param size bytes of this memory
 * @param pool_end first byte behind the page pool
 * @param slots table slots that the image itself uses
 * @param isolated whether this is a driver's domain
 * @param slub_debug SLUB_… of abi/heap.ts; 0 for the default, all of it; SLUB_OFF for none
 */
export function boot_common(
  size: u32,
  pool_end: u32,
  slots: i32,
  boot: u32,
  deadline: u32,
  panic_on_oops: u32,
  isolated: bool,
  slub_debug: u32,
): void {
  store<u32>(MACHINE_BASE, STATE_BOOTING, M_STATE);
  store<u32>(MACHINE_BASE, ABI_VERSION, M_ABI);
  store<u32>(MACHINE_BASE, size, M_MEMORY_SIZE);
  store<u32>(MACHINE_BASE, boot, M_BOOT);
  store<u32>(MACHINE_BASE, deadline, M_DEADLINE);
  store<u32>(MACHINE_BASE, panic_on_oops, M_PANIC_ON_OOPS);
  store<u32>(MACHINE_BASE, isolated, M_ISOLATED);
  store<u32>(MACHINE_BASE, MACHINE_MAGIC, M_MAGIC);
  store<u32>(MACHINE_BASE, slub_debug ? slub_debug & SLUB_ALL : SLUB_ALL, M_SLUB_DEBUG);
  buddy_init(pool_end); // memory in pages
  kmalloc_init(); // in objects
  vmalloc_init(); // and in areas
  slots_init(slots); // the function table
  symbols_init(); // what modules may import
  load_init(); // the loader
  devices_init(); // the device switch
  files_init(); // what is open on it
  nodes_init(); // what has a name
  timers_init(); // what happens later
}
