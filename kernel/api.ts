// What both images offer: the kernel symbols that are the same code in either domain (each is an EXPORT_SYMBOL where it is
// written), and the loader's entry points for the host. What differs between the domains stands in kernel.ts and domain.ts.

// Kernel symbols.
export { printk, vprintk_emit } from './lib/printk';
export { vsnprintf } from './lib/format';
export { strlen, strscpy } from './lib/text';
export { memcpy, memmove, memset, memcmp, strcmp, strncmp, snprintf } from './lib/string';
export { kmalloc, kzalloc, kmalloc_array, kcalloc, krealloc, ksize, kfree } from './mm/kmalloc';
export { kvmalloc, kvfree } from './mm/kvmalloc';
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
} from './fs/proc/proc';
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
} from './fs/proc/seq';

// Entry points of the host.
export {
  module_begin,
  module_describe,
  module_layout,
  module_resolve,
  resolved_owner,
  module_export,
  module_coming,
  leave_module,
  module_init,
  module_free,
  module_leaked_bytes,
  module_leaked_objects,
} from './module/load';
export { module_exit } from './module/unload';
export { module_declares } from './module/kept';
export { module_params, module_param_add, module_parameter, module_parameter_text } from './module/params';
