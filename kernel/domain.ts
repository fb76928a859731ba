// A domain's image: what is loaded into a driver's domain before the driver. The same allocators and module code as the
// kernel's, and gates to the kernel for everything else. Exports are kernel symbols or entry points of the host.

import { MACHINE_BASE } from './abi/map';
import { M_STATE, STATE_RUNNING } from './abi/machine';
import { CALL_MODULE_ABORT, CALL_MODULE_LIVE } from './abi/operation';
import { boot_common } from './boot';
import { set_emit } from './lib/emit';
import { index_of } from './lib/function';
import { set_usercopy } from './fs/usercopy';
import { param_node_init } from './fs/sys/param-file';
import { proc_init } from './fs/proc/proc';
import { make_proc_entry, remove_proc_node } from './ipc/domain/proc-gates';
import { call, copy_from_user, copy_to_user, emit_to_kernel } from './ipc/domain/gates';
import { add_symbol } from './module/symbols';

// Kernel symbols; each is an EXPORT_SYMBOL where it is written.
export * from './api';
export {
  register_chrdev,
  unregister_chrdev,
  copy_to_user,
  copy_from_user,
  clear_user,
  do_exit,
  warn_slowpath,
} from './ipc/domain/gates';

export {
  ds_publish_u32,
  ds_publish_bytes,
  ds_publish_range,
  ds_retrieve_u32,
  ds_retrieve_bytes,
  ds_retrieve_range,
  ds_version,
  ds_delete,
  init_mode,
} from './ipc/domain/store-gates';

// Entry points of the host.
export { enter_module } from './module/load';
export { run_timers } from './lib/timer';
export {
  serve,
  serve_ring,
  served_handle,
  served_position,
  peek,
  poke,
  peek_byte,
  poke_byte,
} from './ipc/domain/serve';

/** Boots a driver's domain of `size` bytes. */
export function boot(slots: i32, size: u32, deadline: u32, slub_debug: u32): void {
  set_emit(index_of(emit_to_kernel));
  proc_init(0, index_of(make_proc_entry), index_of(remove_proc_node));
  set_usercopy(index_of(copy_to_user), index_of(copy_from_user));
  boot_common(size, size, slots, 0, deadline, 0, true, slub_debug);
  param_node_init();
  store<u32>(MACHINE_BASE, STATE_RUNNING, M_STATE);
}

/** Adds one of the image's own symbols; the host has set its table slot. */
export function kernel_symbol(name: usize, slot: u32, flags: u32, crc: u32): i32 {
  return add_symbol(0, name, slot, flags, crc);
}

/** Tells the kernel how the loading ended. */
export function concluded(live: bool): i32 {
  return call(live ? CALL_MODULE_LIVE : CALL_MODULE_ABORT, 0, 0, 0, 0);
}
