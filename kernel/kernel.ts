// The kernel's image: boots the kernel's domain, which is the whole machine in a monolith and everything but the drivers in
// a microkernel. Exports are either kernel symbols (EXPORT_SYMBOL: what a module may import) or entry points of the host.

import { EXPORT_SYMBOL } from './lib/export';
import { MACHINE_BASE, KERNEL_MEMORY, USER_BASE } from './abi/map';
import { M_CALL_CLIENT, M_CORES, M_STATE, STATE_RUNNING } from './abi/machine';
import { LEVEL_INFO, LEVEL_NOTICE } from './abi/log';
import { SYS_IOCTL, SYS_READ } from './abi/operation';
import { boot_common } from './boot';
import { log_init } from './lib/log';
import { set_emit } from './lib/emit';
import { index_of } from './lib/function';
import { set_usercopy } from './fs/usercopy';
import { copy_from_user, copy_to_user } from './fs/uaccess';
import { cstr } from './lib/cstr';
import { pr } from './lib/printk';
import { DEV_ENDPOINT, ENDPOINT_NONE, FILE_DEVICE, FILE_POSITION } from './abi/file';
import { EBADF, EBUSY, EIO, ENXIO } from './abi/errno';
import { CL_CALL, CL_RESULT, client_at, clients_init, file_of, PARKED } from './fs/clients';
import { request_fill } from './fs/requests';
import { tree_init } from './fs/tree';
import { request_ended } from './fs/finish';
import { sys_read, system_call } from './fs/syscalls';
import { set_end_request } from './ipc/end-request';
import { endpoint_busy, endpoints_init } from './ipc/endpoint';
import { log_emit } from './ipc/driver-log';
import { await_call } from './ipc/loop';
import { endpoint_submit } from './ipc/submit';
import { trace_init } from './ipc/trace';
import { add_symbol } from './module/symbols';
import { end_task } from './lib/host';

// Kernel symbols; each is an EXPORT_SYMBOL where it is written.
export * from './api';
export { warn_slowpath } from './lib/warn';
export { register_chrdev, unregister_chrdev } from './fs/chrdev';
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
} from './ipc/store-local';
export { copy_to_user, copy_from_user, clear_user } from './fs/uaccess';

/** Linux's do_exit: ends the task that is in the kernel. */
export function do_exit(code: i32): void {
  end_task(code);
}
EXPORT_SYMBOL(do_exit);

// Entry points of the host.
export { module_need } from './module/load';
export { log_write } from './lib/log';
export { set_blacklist } from './module/blacklist';
export { module_kallsyms } from './module/kallsyms';
export { held_cancel, module_forget } from './module/forget';
export { module_announce, module_gone } from './module/remote';
export { module_holder } from './module/uses';
export { wanted_module } from './module/request';
export { module_requested } from './fs/finish';
export { bench_lookup } from './module/symbols';
export { bench_kmalloc, bench_kmalloc_end } from './mm/bench';
export { gate_wait, poll, sleep_begin, heard_bell, wait_time, sleep_end } from './ipc/loop';
export { gate_call } from './ipc/calls';
export { gate_enter } from './ipc/gate';
export { gate_claim, gate_open, gate_release, gate_unwound } from './ipc/sandbox';
export { store_forget } from './ipc/store';
export { current_client, oops, oops_enter, kill_current, reap } from './oops';

/** Boots the kernel's domain. */
export function boot(
  slots: i32,
  number: u32,
  deadline: u32,
  panic_on_oops: u32,
  slub_debug: u32,
  cores: u32,
): void {
  store<u32>(MACHINE_BASE, cores, M_CORES);
  log_init(); // the log ring, before anything that may want to say something
  set_emit(index_of(log_emit));
  set_end_request(index_of(request_ended));
  set_usercopy(index_of(copy_to_user), index_of(copy_from_user));
  boot_common(KERNEL_MEMORY, USER_BASE, slots, number, deadline, panic_on_oops, false, slub_debug);
  trace_init(); // what others are asked is written down
  tree_init(); // /dev, /proc and /sys
  clients_init(); // who may ask
  endpoints_init(); // who answers from another domain
  pr(LEVEL_NOTICE, cstr('isolab kernel, boot %u, %u KiB'), number, KERNEL_MEMORY >> 10);
}

/** Everything is in place: the kernel serves. */
export function running(): void {
  store<u32>(MACHINE_BASE, STATE_RUNNING, M_STATE);
  pr(LEVEL_INFO, cstr('kernel is running'));
}

/** Adds one of the image's own symbols; the host has set its table slot. */
export function kernel_symbol(name: usize, slot: u32, flags: u32, crc: u32): i32 {
  return add_symbol(0, name, slot, flags, crc);
}

/**
 * A system call of the in-thread client: runs the loop until it is done.
 * @returns its result, or PARKED where it waits for the successor of a driver: then syscall_result tells
 */
export function syscall(number: i32, a: i32, b: i32, c: i32, d: i32): i32 {
  const result = system_call(0, number, a, b, c, d);
  return result == PARKED ? await_call(0, number) : result;
}

/**
 * Begins a system call of the in-thread client, whose host goes on meanwhile and polls.
 * @returns its result, or PARKED: then syscall_done tells
 */
export function syscall_begin(number: i32, a: i32, b: i32, c: i32, d: i32): i32 {
  return system_call(0, number, a, b, c, d);
}

/** @returns the result of the call that was begun, PARKED while it has none */
export function syscall_result(): i32 {
  const record = client_at(0);
  return load<u32>(record, CL_CALL) ? PARKED : load<i32>(record, CL_RESULT);
}

/**
 * The dispatch benchmark: `rounds` reads inside the kernel with all their checks, each at the file's beginning.
 * @returns the last result
 */
export function bench_dispatch(rounds: i32, fd: i32, buffer: usize, count: i32): i32 {
  let result = 0;
  const file = file_of(0, fd);
  if (!file) return -EBADF;
  for (let i = 0; i < rounds; i++) {
    store<u32>(MACHINE_BASE, 1, M_CALL_CLIENT);
    store<i64>(file, 0, FILE_POSITION);
    result = sys_read(0, fd, buffer, count);
    if (result == PARKED) result = await_call(0, SYS_READ);
    if (result < 0) break;
  }
  store<u32>(MACHINE_BASE, 0, M_CALL_CLIENT);
  return result;
}

/** Channel + 1 of the driver behind an open file, 0 for one of this domain; or a negative errno. */
export function bench_endpoint(fd: i32): i32 {
  const file = file_of(0, fd);
  if (!file) return -EBADF;
  const endpoint = load<u32>(<usize>load<u32>(file, FILE_DEVICE), DEV_ENDPOINT);
  return endpoint == ENDPOINT_NONE ? -ENXIO : endpoint;
}

/** The floor of a call: asks the domain behind a channel to echo `rounds` times; the host echoes from this side. */
export function bench_echo(channel: i32, operation: i32, rounds: i32, from: i32): i32 {
  if (endpoint_busy(channel)) return -EBUSY; // it would be queued, and nobody echo meanwhile
  request_fill(0, operation, 0, rounds, from, 0);
  return endpoint_submit(0, channel) == PARKED ? 0 : -EIO;
}

export function bench_echo_end(): i32 {
  return await_call(0, SYS_IOCTL);
}
