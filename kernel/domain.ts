// A domain's image: what is loaded into a driver's domain before the driver. The same allocators and module code as the
// kernel's, and gates to the kernel for everything else. Exports are kernel symbols or entry points of the host.

import { MACHINE_BASE } from './abi/map';
import { M_STATE, STATE_RUNNING } from './abi/machine';
import { CALL_MODULE_ABORT, CALL_MODULE_LIVE } from './abi/operation';
import { boot_common } from './boot';
import { set_emit } from './lib/emit';
import { index_of } from './lib/function';
import { set_usercopy } from './fs/usercopy';
import { param_node_init } from './fs/param-file';
import { proc_init } from './fs/proc';
import { make_proc_entry, remove_proc_node } from './ipc/proc-gates';
import { call, copy_from_user, copy_to_user, emit_to_kernel } from './ipc/gates';
import { add_symbol } from './module/symbols';

// Kernel symbols; each is an EXPORT_SYMBOL where it is written.
export { printk, vprintk_emit } from './lib/printk';
export { vsnprintf } from './lib/format';
export { strlen, strscpy } from './lib/text';
export { memcpy, memmove, memset, memcmp, strcmp, strncmp, snprintf } from './lib/string';
export {
  kmalloc,
  kzalloc,
  kmalloc_array,
  kcalloc,
  krealloc,
  ksize,
  kfree,
  kvmalloc,
  kvfree,
} from './mm/kmalloc';
export {
  kmem_cache_create,
  kmem_cache_alloc,
  kmem_cache_free,
  kmem_cache_size,
  kmem_cache_shrink,
  kmem_cache_destroy,
} from './mm/caches';
export { __get_free_pages, get_zeroed_page, free_pages } from './mm/pages';
export { vmalloc, vzalloc, vfree } from './mm/vmalloc';
export {
  register_chrdev,
  unregister_chrdev,
  copy_to_user,
  copy_from_user,
  clear_user,
  do_exit,
  warn_slowpath,
} from './ipc/gates';
export { fixed_size_llseek } from './fs/seek';
export {
  proc_create,
  proc_create_data,
  pde_data,
  proc_create_single,
  proc_create_seq,
  proc_mkdir,
  proc_remove,
  remove_proc_entry,
} from './fs/proc';
export {
  timer_setup,
  add_timer,
  mod_timer,
  del_timer,
  del_timer_sync,
  get_jiffies_64,
  ktime_get,
} from './lib/timer';
export {
  seq_open,
  seq_release,
  seq_read,
  seq_lseek,
  seq_printf,
  seq_write,
  seq_puts,
  seq_putc,
  single_open,
  single_release,
} from './fs/seq';

// Entry points of the host.
export {
  module_begin,
  module_describe,
  module_layout,
  module_resolve,
  resolved_owner,
  module_export,
  module_coming,
  module_init,
  module_exit,
  module_free,
  module_leaked_bytes,
  module_leaked_objects,
  enter_module,
  leave_module,
} from './module/load';
export { run_timers } from './lib/timer';
export { module_param_add, module_parameter, module_parameter_text } from './module/params';
export { serve, served_handle, served_position } from './ipc/serve';

/** Boots a driver's domain of `size` bytes behind `channel`. */
export function boot(slots: i32, size: u32, channel: i32, deadline: u32, slub_debug: u32): void {
  set_emit(index_of(emit_to_kernel));
  proc_init(0, index_of(make_proc_entry), index_of(remove_proc_node));
  set_usercopy(index_of(copy_to_user), index_of(copy_from_user));
  boot_common(size, size, slots, 0, deadline, 0, channel + 1, slub_debug);
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
