// The entry points of the two images, as kernel/kernel.ts and kernel/domain.ts export them. Addresses are numbers; a
// negative result is an errno.

/** What both images offer to the loader. */
export interface ImageExports {
  kernel_symbol(name: number, slot: number, flags: number, crc: number): number;
  vprintk_emit(level: number, format: number, words: number): number;
  module_declares(name: number, what: number, count: number): number;
  module_begin(name: number, vermagic: number, license: number, flags: number, endpoint: number): number;
  module_describe(mod: number, version: number, srcversion: number, fileSize: number): number;
  module_layout(mod: number, size: number, alignLog2: number, table: number, extra: number): number;
  module_resolve(mod: number, name: number, crc: number, how: number): number;
  resolved_owner(): number;
  module_export(mod: number, name: number, slot: number, flags: number, crc: number): number;
  module_params(mod: number, room: number): number;
  module_param_add(
    mod: number,
    name: number,
    type: number,
    permissions: number,
    address: number,
    count: number,
  ): number;
  module_parameter(mod: number, name: number, text: number): number;
  module_parameter_text(mod: number, name: number): number;
  module_coming(mod: number): void;
  leave_module(): void;
  module_init(mod: number, constructors: number, init: number, exit: number): number;
  module_exit(name: number, how: number): number;
  module_free(mod: number): void;
  module_leaked_bytes(mod: number): number;
  module_leaked_objects(mod: number): number;
  /** The kernel's image alone: room for a file's names. */
  module_kallsyms?(mod: number, size: number): number;
  /** The kernel's image alone: a module that must be loaded. */
  module_need?(mod: number, name: number): number;
  /** A domain's image alone: tells the kernel how the loading ended. */
  concluded?(live: number): number;
}

export interface KernelExports extends ImageExports {
  boot(
    slots: number,
    number: number,
    deadline: number,
    panicOnOops: number,
    slubDebug: number,
    cores: number,
  ): void;
  running(): void;
  log_write(level: number, text: number, length: number): void;
  poll(): number;
  sleep_begin(): number;
  heard_bell(): number;
  wait_time(): number;
  sleep_end(): void;
  set_blacklist(names: number): void;
  module_kallsyms(mod: number, size: number): number;
  module_announce(mod: number, size: number, init: number, exit: number): number;
  module_gone(mod: number): void;
  module_holder(name: number, i: number): number;
  module_requested(client: number): void;
  /** Address of an alias, or 0. */
  wanted_module(): number;
  current_client(): number;
  oops_enter(): void;
  oops(): number;
  kill_current(): number;
  reap(client: number): number;
  syscall(number: number, a: number, b: number, c: number, d: number): number;
  syscall_begin(number: number, a: number, b: number, c: number, d: number): number;
  syscall_result(): number;
  gate_call(channel: number, operation: number, a: number, b: number, length: number): number;
  gate_wait(channel: number): number;
  gate_open(channel: number, slot: number): void;
  gate_claim(channel: number): number;
  gate_release(channel: number): void;
  gate_unwound(channel: number): void;
  gate_enter(ticket: number): number;
  held_cancel(channel: number): void;
  module_forget(name: number): void;
  store_forget(owner: number): void;
  bench_lookup(rounds: number, name: number): number;
  bench_kmalloc(rounds: number, size: number): number;
  bench_kmalloc_end(): void;
  bench_dispatch(rounds: number, fd: number, buffer: number, count: number): number;
  bench_endpoint(fd: number): number;
  bench_echo(channel: number, operation: number, rounds: number, from: number): number;
  bench_echo_end(): number;
}

export interface DomainExports extends ImageExports {
  boot(slots: number, size: number, deadline: number, slubDebug: number): void;
  serve(
    operation: number,
    handle: number,
    device: number,
    position: bigint,
    buffer: number,
    count: number,
  ): number;
  kmalloc(size: number, flags: number): number;
  kfree(address: number): void;
  enter_module(mod: number): void;
  serve_ring(
    operation: number,
    handle: number,
    device: number,
    position: bigint,
    buffer: number,
    count: number,
  ): bigint;
  served_handle(): number;
  served_position(): bigint;
  peek(address: number): bigint;
  poke(address: number, word: bigint): void;
  peek_byte(address: number): number;
  poke_byte(address: number, byte: number): void;
  /** Runs the timers that are due. @returns ms until the next one */
  run_timers(): number;
}

/** A file of the kernel's, read and compiled: kernel.wasm, domain.wasm, driver-loop.wasm or user.wasm. */
export type Image = import('./loaded.ts').LoadedModule;
