// Loading a module, in Linux's order of steps. The host parses the file, instantiates it and sets table slots; everything
// that is decided is decided here, one call a step:
//
//   module_begin      name, version magic, duplicate   -> UNFORMED, on the list
//   module_layout     memory and table slots
//   module_resolve    one call for each import         references to the owners
//   (host: instantiate, data relocations)
//   module_export     one call for each symbol          duplicates are refused
//   module_parameter  one call for each parameter given
//   module_init       constructors and init_module       -> COMING, LIVE
//   module_free       where a step has failed: undoes whatever was done so far
//
//   module_exit       references, cleanup_module         -> GOING
//   module_free       after the host has cleared the slots
//
// One module is loaded at a time. Data of modules is in the modules area (../mm/vmalloc.ts).

import { MACHINE_BASE } from '../abi/map';
import { VERMAGIC } from '../abi/version';
import { M_CALL_MODULE, M_CALL_OPERATION, M_TAINT, M_MODULE_BYTES, TAINT_PROPRIETARY } from '../abi/machine';
import { NAME_SIZE } from '../abi/limits';
import { OP_INIT } from '../abi/operation';
import {
  MOD_STATE,
  MOD_REFERENCES,
  MOD_BASE,
  MOD_SIZE,
  MOD_TABLE_BASE,
  MOD_TABLE_SIZE,
  MOD_INIT,
  MOD_EXIT,
  MOD_BYTES,
  MOD_OBJECTS,
  MOD_NAME,
  MOD_TAINT,
  MODULE_LIVE,
  MODULE_COMING,
  MODULE_GOING,
  SYM_VALUE,
  SYM_OWNER,
  SYM_FLAGS,
  SYMBOL_GPL_ONLY,
  PARAM_BOOL,
  PARAM_UINT,
} from '../abi/module';
import { EEXIST, ENOENT, ENOEXEC, ENOMEM, EINVAL, EBUSY, EAGAIN, ENAMETOOLONG } from '../abi/errno';
import { LEVEL_ERR, LEVEL_WARNING } from '../abi/log';
import { area_alloc, area_free } from '../mm/vmalloc';
import { find_symbol, add_symbol, remove_symbols } from './symbols';
import { find_module, add_module, remove_module, seal_module } from './list';
import { uses_add, uses_release } from './uses';
import { free_owned } from '../mm/owned';
import { alloc_slots, free_slots } from '../mm/slots';
import { resources_remove } from '../fs/resources';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { same_text, strlen } from '../lib/text';

/** VERMAGIC as a C string. */
const magic_text = memory.data(64);

export function load_init(): void {
  for (let i = 0; i < VERMAGIC.length; i++) store<u8>(magic_text + i, <u8>VERMAGIC.charCodeAt(i));
}

/** @returns struct module, or -EEXIST, -ENOEXEC, -EINVAL, -ENOMEM */
export function module_begin(name: usize, magic: usize, gpl: bool): i32 {
  const length = strlen(name);
  if (!length) return -EINVAL;
  if (length >= NAME_SIZE) return -ENAMETOOLONG;
  if (load<u8>(magic) && !same_text(magic, magic_text)) {
    pr(LEVEL_ERR, cstr("%s: version magic '%s' should be '%s'"), name, magic, magic_text);
    return -ENOEXEC;
  }
  if (find_module(name)) return -EEXIST;
  const mod = add_module(name);
  if (!mod) return -ENOMEM;
  if (!gpl) {
    store<u32>(mod, TAINT_PROPRIETARY, MOD_TAINT);
    pr(LEVEL_WARNING, cstr('%s: module license taints kernel.'), name);
    store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_TAINT) | TAINT_PROPRIETARY, M_TAINT);
  }
  return <i32>mod;
}

/**
 * Reserves the module's data and its table slots: its own table elements first, then `extra` for functions the kernel
 * calls by index (init, exit, exported symbols).
 */
export function module_layout(mod: usize, size: i32, align_log2: i32, table: i32, extra: i32): i32 {
  const base = area_alloc(size, align_log2);
  if (!base) return -ENOMEM;
  memory.fill(base, 0, size);
  store<u32>(mod, <u32>base, MOD_BASE);
  store<u32>(mod, size, MOD_SIZE);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_MODULE_BYTES) + size, M_MODULE_BYTES);
  if (table + extra) {
    const first = alloc_slots(table + extra);
    if (!first) return -ENOMEM;
    store<u32>(mod, first, MOD_TABLE_BASE);
    store<u32>(mod, table + extra, MOD_TABLE_SIZE);
  }
  return 0;
}

/** @returns the table index of a kernel symbol that `mod` imports, or -ENOENT, -EAGAIN, -ENOMEM */
export function module_resolve(mod: usize, name: usize): i32 {
  const symbol = find_symbol(name);
  if (
    !symbol ||
    (load<u32>(symbol, SYM_FLAGS) & SYMBOL_GPL_ONLY && load<u32>(mod, MOD_TAINT) & TAINT_PROPRIETARY)
  ) {
    pr(LEVEL_ERR, cstr('%s: Unknown symbol %s (err %d)'), mod + MOD_NAME, name, -ENOENT);
    return -ENOENT;
  }
  const owner = <usize>load<u32>(symbol, SYM_OWNER);
  if (owner && owner != mod) {
    const taken = uses_add(mod, owner);
    if (taken < 0) return taken;
  }
  return load<u32>(symbol, SYM_VALUE);
}

export function module_export(mod: usize, name: usize, slot: u32, flags: u32, crc: u32): i32 {
  const known = find_symbol(name);
  if (known) {
    const owner = <usize>load<u32>(known, SYM_OWNER);
    pr(
      LEVEL_ERR,
      cstr('%s: exports duplicate symbol %s (owned by %s)'),
      mod + MOD_NAME,
      name,
      owner ? owner + MOD_NAME : cstr('kernel'),
    );
    return -ENOEXEC;
  }
  return add_symbol(mod, name, slot, flags, crc);
}

/** Sets one parameter. `text` is what stands behind `=`, 0 where there is no `=`. */
export function module_parameter(mod: usize, name: usize, type: i32, address: usize, text: usize): i32 {
  if (type == PARAM_BOOL) {
    const value = text ? truth(load<u8>(text), load<u8>(text, 1)) : 1;
    if (value < 0) return bad_value(mod, name, text);
    store<u8>(address, <u8>value);
    return 0;
  }
  if (!text) return bad_value(mod, name, text);
  const negative = load<u8>(text) == 0x2d;
  if (negative && type == PARAM_UINT) return bad_value(mod, name, text);
  let at = text + usize(negative);
  const base: u64 = load<u8>(at) == 0x30 && (load<u8>(at, 1) | 0x20) == 0x78 ? 16 : 10;
  if (base == 16) at += 2;
  if (!load<u8>(at)) return bad_value(mod, name, text);
  let value: u64 = 0;
  for (let letter: u32 = load<u8>(at); letter; letter = load<u8>(++at)) {
    const digit = letter <= 0x39 ? letter - 0x30 : (letter | 0x20) - 0x57;
    if (digit >= base || (letter > 0x39 && (letter | 0x20) < 0x61)) return bad_value(mod, name, text);
    value = value * base + digit;
    if (value > 0xffffffff) return bad_value(mod, name, text);
  }
  if (type != PARAM_UINT && value > (negative ? 0x80000000 : 0x7fffffff)) return bad_value(mod, name, text);
  store<u32>(address, negative ? <u32>(0 - value) : <u32>value);
  return 0;
}

/** As Linux's kstrtobool: the first letter decides, the second in `on` and `off`. @returns 1, 0, or -1 */
function truth(first: i32, second: i32): i32 {
  if (first == 0x31 || first == 0x59 || first == 0x79 || first == 0x54 || first == 0x74) return 1; // 1 Y y T t
  if (first == 0x30 || first == 0x4e || first == 0x6e || first == 0x46 || first == 0x66) return 0; // 0 N n F f
  if ((first | 0x20) != 0x6f) return -1; // o
  return (second | 0x20) == 0x6e ? 1 : (second | 0x20) == 0x66 ? 0 : -1;
}

function bad_value(mod: usize, name: usize, text: usize): i32 {
  pr(LEVEL_ERR, cstr("%s: `%s' invalid for parameter `%s'"), mod + MOD_NAME, text, name);
  return -EINVAL;
}

/** A parameter that the module does not have is no reason to refuse it, as in Linux. */
export function module_unknown_parameter(mod: usize, name: usize): void {
  pr(LEVEL_WARNING, cstr("%s: unknown parameter '%s' ignored"), mod + MOD_NAME, name);
}

/**
 * Runs constructors and init_module by their table indices (0 where there is none).
 * A trap in here leaves the module COMING for ever, as an oops in a module's init does.
 */
export function module_init(mod: usize, constructors: u32, init: u32, exit: u32): i32 {
  store<u32>(mod, init, MOD_INIT);
  store<u32>(mod, exit, MOD_EXIT);
  store<u32>(mod, MODULE_COMING, MOD_STATE);
  seal_module(mod);
  enter(mod);
  if (constructors) call_indirect<void>(constructors);
  const status = init ? call_indirect<i32>(init) : 0;
  leave();
  if (status < 0) return status;
  store<u32>(mod, MODULE_LIVE, MOD_STATE);
  return 0;
}


@inline
function enter(mod: usize): void {
  store<u32>(MACHINE_BASE, <u32>mod, M_CALL_MODULE);
  store<u32>(MACHINE_BASE, OP_INIT, M_CALL_OPERATION);
}


@inline
function leave(): void {
  store<u32>(MACHINE_BASE, 0, M_CALL_MODULE);
  store<u32>(MACHINE_BASE, 0, M_CALL_OPERATION);
}

/** What a module held when it was freed, for the report of rmmod. */
export function module_leaked_bytes(mod: usize): i32 {
  return load<u32>(mod, MOD_BYTES);
}

export function module_leaked_objects(mod: usize): i32 {
  return load<u32>(mod, MOD_OBJECTS);
}

/** Frees everything a module has; the host has cleared its slots or has not set them. */
export function module_free(mod: usize): void {
  if (load<u32>(mod, MOD_OBJECTS)) {
    pr(
      LEVEL_WARNING,
      cstr('%s: leaked %u bytes in %u objects'),
      mod + MOD_NAME,
      load<u32>(mod, MOD_BYTES),
      load<u32>(mod, MOD_OBJECTS),
    );
    free_owned(mod);
  }
  resources_remove(mod, 0);
  remove_symbols(mod);
  uses_release(mod);
  const base = <usize>load<u32>(mod, MOD_BASE);
  if (base) {
    area_free(base, load<u32>(mod, MOD_SIZE));
    store<u32>(
      MACHINE_BASE,
      load<u32>(MACHINE_BASE, M_MODULE_BYTES) - load<u32>(mod, MOD_SIZE),
      M_MODULE_BYTES,
    );
  }
  free_slots(load<u32>(mod, MOD_TABLE_BASE), load<u32>(mod, MOD_TABLE_SIZE));
  remove_module(mod);
}

/**
 * Begins the unloading: refuses a module in use, runs cleanup_module.
 * @returns struct module in state GOING, or -ENOENT, -EAGAIN (in use), -EBUSY (not live, or init without exit)
 */
export function module_exit(name: usize): i32 {
  const mod = find_module(name);
  if (!mod) return -ENOENT;
  if (load<u32>(mod, MOD_STATE) != MODULE_LIVE) return -EBUSY;
  if (load<u32>(mod, MOD_REFERENCES)) return -EAGAIN;
  const exit = load<u32>(mod, MOD_EXIT);
  if (load<u32>(mod, MOD_INIT) && !exit) return -EBUSY;
  store<u32>(mod, MODULE_GOING, MOD_STATE);
  if (exit) {
    enter(mod);
    call_indirect<void>(exit);
    leave();
  }
  return <i32>mod;
}
