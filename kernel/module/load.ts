// Loading a module, in Linux's order of steps. The host parses the file, instantiates it and sets table slots; everything
// that is decided is decided here, one call a step:
//
//   module_declares   one call for each kind of things declared    more than a module may is refused (./kept.ts)
//   module_begin      blacklist, version magic, duplicate, taints    -> UNFORMED, on the list
//   module_layout     memory and table slots                         where the instance lives
//   module_resolve    one call for each import                       references to the owners
//   module_need       one call for each library that it asks for     references to them
//   module_coming     (host: instantiate, data relocations)          -> COMING, where the instance lives
//   module_export     one call for each symbol                       duplicates are refused
//   module_kallsyms, module_params, module_param_add                 names and parameters
//   module_parameter  one call for each parameter given              where the instance lives
//   module_init       constructors and init_module                   -> LIVE
//   module_free       where a step has failed: undoes whatever was done so far
//
//   module_exit       references, cleanup_module                     -> GOING
//   module_free       after the host has cleared the slots
//
// A driver that lives in another domain goes through the same steps twice: here for all that others can see of it
// (./remote.ts), and in its own domain for its instance. Data of modules is in the modules area (../mm/vmalloc.ts).

import { MACHINE_BASE } from '../abi/map';
import { VERMAGIC } from '../abi/version';
import {
  M_CALL_MODULE,
  M_CALL_OPERATION,
  M_ISOLATED,
  M_MODULE_BYTES,
  M_MODULES_DISABLED,
  TAINT_PROPRIETARY,
} from '../abi/machine';
import { OP_INIT } from '../abi/operation';
import {
  LOAD_AGAIN,
  LOAD_AUTO,
  LOAD_FORCE,
  LOAD_TOLD,
  LOAD_UPDATE,
  MOD_BASE,
  MOD_BYTES,
  MOD_ENDPOINT,
  MOD_EXIT,
  MOD_FLAGS,
  MOD_INIT,
  MOD_NAME,
  MOD_OBJECTS,
  MOD_SIZE,
  MOD_SRCVERSION,
  MOD_STATE,
  MOD_TABLE_BASE,
  MOD_TABLE_SIZE,
  MOD_TAINT,
  MOD_TEXT,
  MOD_TEXT_SIZE,
  MOD_VERSION,
  MODULE_AUTOLOADED,
  MODULE_COMING,
  MODULE_LIVE,
  MODULE_RESTARTED,
  MODULE_UPDATED,
  RESOLVE_ADDRESS,
  RESOLVE_DATA,
  RESOLVE_FORCE,
  RESOLVE_WEAK,
  SYM_CRC,
  SYM_FLAGS,
  SYM_OWNER,
  SYM_VALUE,
  SYMBOL_DATA,
  SYMBOL_GPL_ONLY,
} from '../abi/module';
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOEXEC, ENOMEM, EPERM } from '../abi/errno';
import { LEVEL_ERR, LEVEL_WARNING } from '../abi/log';
import { blacklisted } from './blacklist';
import { in_one_domain } from './domains';
import { kallsyms_free } from './kallsyms';
import { keep_alloc, keep_free } from './kept';
import { add_module, find_module, module_orphaned, remove_module, seal_module } from './list';
import { params_free, params_restore } from './params';
import { add_symbol, find_symbol, remove_symbols } from './symbols';
import { taint_forced, taint_of_origin } from './taint';
import { text_alloc, text_free } from './text';
import { uses_add, uses_forget, uses_release } from './uses';
import { free_owned } from '../mm/owned';
import { area_alloc, area_free } from '../mm/vmalloc';
import { alloc_slots, free_slots } from '../mm/slots';
import { files_orphan } from '../fs/files';
import { resources_remove } from '../fs/resources';
import { store_forget } from '../ipc/store';
import { cstr } from '../lib/cstr';
import { name_error } from '../lib/name';
import { pr } from '../lib/printk';
import { same_text, strlen, strscpy } from '../lib/text';

/** VERMAGIC as a C string. */
const magic_text = memory.data(64);

export function load_init(): void {
  for (let i = 0; i < VERMAGIC.length; i++) store<u8>(magic_text + i, <u8>VERMAGIC.charCodeAt(i));
}

/**
 * @param magic empty where the module does not say for which kernel it was built
 * @param flags LOAD_*
 * @param endpoint channel + 1 of the domain that its instance will live in, 0 for this one
 * @returns struct module, or -EPERM, -EEXIST, -ENOEXEC, -EINVAL (no name), -ENAMETOOLONG, -ENOMEM
 */
export function module_begin(name: usize, magic: usize, license: usize, flags: u32, endpoint: u32): i32 {
  const wrong = name_error(name);
  if (wrong) return wrong;
  if (load<u32>(MACHINE_BASE, M_MODULES_DISABLED) && !(flags & LOAD_AGAIN)) return -EPERM;
  if (blacklisted(name)) {
    pr(LEVEL_ERR, cstr('Module %s is blacklisted'), name);
    return -EPERM;
  }
  if (load<u8>(magic) && !same_text(magic, magic_text) && !(flags & LOAD_FORCE)) {
    pr(LEVEL_ERR, cstr("%s: version magic '%s' should be '%s'"), name, magic, magic_text);
    return -ENOEXEC;
  }
  let mod = find_module(name);
  if (mod && !module_orphaned(mod)) return -EEXIST;
  if (!mod) mod = add_module(name);
  if (!mod) return -ENOMEM;
  store<u32>(mod, endpoint, MOD_ENDPOINT);
  store<u32>(mod, how_loaded(flags), MOD_FLAGS);
  if (!(flags & LOAD_AGAIN)) store_forget(name);
  if (!same_text(magic, magic_text)) taint_forced(mod, cstr('bad vermagic'), (flags & LOAD_TOLD) != 0);
  taint_of_origin(mod, license, flags);
  return <i32>mod;
}

function how_loaded(flags: u32): u32 {
  const again = flags & LOAD_UPDATE ? MODULE_UPDATED : flags & LOAD_AGAIN ? MODULE_RESTARTED : 0;
  return again | (flags & LOAD_AUTO ? MODULE_AUTOLOADED : 0);
}

function dup(mod: usize, text: usize): u32 {
  if (!load<u8>(text)) return 0;
  const copy = keep_alloc(mod, strlen(text) + 1);
  if (copy) strscpy(copy, text, strlen(text) + 1);
  return <u32>copy;
}

/** What a module says of itself, and the window of text addresses for its file. @returns 0 or -ENOMEM */
export function module_describe(mod: usize, version: usize, srcversion: usize, file_size: i32): i32 {
  store<u32>(mod, dup(mod, version), MOD_VERSION);
  store<u32>(mod, dup(mod, srcversion), MOD_SRCVERSION);
  store<u32>(mod, text_alloc(file_size), MOD_TEXT);
  store<u32>(mod, file_size, MOD_TEXT_SIZE);
  return load<u32>(mod, MOD_TEXT) ? 0 : -ENOMEM;
}

/**
 * Reserves the module's data and its table slots: its own table elements first, then `extra` for functions that are called
 * by index (init, exit, exported symbols).
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

let owner_of_last: usize = 0;

/** struct module that exports the symbol resolved last, 0 for the kernel. */
export function resolved_owner(): usize {
  return owner_of_last;
}

/**
 * Resolves a symbol that `mod` imports.
 *
 * @param crc of the symbol as the module knows it, 0 where it does not
 * @param how RESOLVE_*
 * @returns table index of a function, address of data (0 for a weak symbol that nobody has); or -ENOENT (unknown, or GPL-only
 *   to a module that is not), -EINVAL (another version), -EBUSY (its owner is still coming), -ENOEXEC (cannot cross domains)
 */
export function module_resolve(mod: usize, name: usize, crc: u32, how: u32): i32 {
  owner_of_last = 0;
  const symbol = find_symbol(name);
  if (!symbol && how & RESOLVE_WEAK) return 0;
  const flags = symbol ? load<u32>(symbol, SYM_FLAGS) : 0;
  const data = (how & RESOLVE_DATA) != 0;
  if (
    !symbol ||
    (flags & SYMBOL_GPL_ONLY && load<u32>(mod, MOD_TAINT) & TAINT_PROPRIETARY) ||
    ((flags & SYMBOL_DATA) != 0) != data
  ) {
    pr(LEVEL_ERR, cstr('%s: Unknown symbol %s (err %d)'), mod + MOD_NAME, name, -ENOENT);
    return -ENOENT;
  }
  if (crc && load<u32>(symbol, SYM_CRC) && crc != load<u32>(symbol, SYM_CRC)) {
    if (!(how & RESOLVE_FORCE)) {
      pr(LEVEL_ERR, cstr('%s: disagrees about version of symbol %s'), mod + MOD_NAME, name);
      return -EINVAL;
    }
    taint_forced(mod, name, load<u32>(MACHINE_BASE, M_ISOLATED) != 0); // what a domain finds the kernel has told
  }
  const owner = <usize>load<u32>(symbol, SYM_OWNER);
  owner_of_last = owner;
  if (owner && owner != mod) {
    const here = load<u32>(mod, MOD_ENDPOINT);
    const there = load<u32>(owner, MOD_ENDPOINT);
    // A gate leads from one driver's channel to another's: the kernel's own domain has none.
    const gated = here && there && !(how & (RESOLVE_DATA | RESOLVE_ADDRESS));
    if (!gated && !in_one_domain(here, there)) {
      const from = owner + MOD_NAME;
      const what = data ? cstr('data symbol') : how & RESOLVE_ADDRESS ? cstr('address of') : cstr('function');
      pr(LEVEL_ERR, cstr('%s: %s %s of %s cannot cross domains'), mod + MOD_NAME, what, name, from);
      return -ENOEXEC;
    }
    const taken = uses_add(mod, owner);
    if (taken == -EBUSY)
      pr(LEVEL_WARNING, cstr('%s: gave up waiting for init of module %s.'), mod + MOD_NAME, owner + MOD_NAME);
    if (taken < 0) return taken;
  }
  return load<u32>(symbol, SYM_VALUE);
}

/** @param value table index, address, or the symbol's number where the module lives in another domain */
export function module_export(mod: usize, name: usize, value: u32, flags: u32, crc: u32): i32 {
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
  return add_symbol(mod, name, value, flags, crc);
}

/**
 * A library that `mod` asks for beside symbols (NEEDED of dylink.0): it must be loaded, and is held as if a symbol of it were
 * used.
 * @returns 0, -ENOENT, -EBUSY (it is still coming), -ENOMEM
 */
export function module_need(mod: usize, name: usize): i32 {
  const owner = find_module(name);
  const taken = owner && owner != mod ? uses_add(mod, owner) : -ENOENT;
  if (taken == -ENOENT)
    pr(LEVEL_ERR, cstr('%s: needs module %s, which is not loaded (err %d)'), mod + MOD_NAME, name, taken);
  return taken;
}

/**
 * The instance is about to be made: a start function and data relocations are the module's code already, and a trap in them
 * is one in its init. leave_module ends it.
 */
export function module_coming(mod: usize): void {
  store<u32>(mod, MODULE_COMING, MOD_STATE);
  seal_module(mod);
  enter_module(mod);
}

/**
 * Runs constructors and init_module by their table indices (0 where there is none).
 * A trap in here leaves the module COMING for ever, as an oops in a module's init does.
 */
export function module_init(mod: usize, constructors: u32, init: u32, exit: u32): i32 {
  store<u32>(mod, init, MOD_INIT);
  store<u32>(mod, exit, MOD_EXIT);
  module_coming(mod);
  if (constructors) {
    call_indirect<void>(constructors);
    params_restore(mod);
  }
  const status = init ? call_indirect<i32>(init) : 0;
  leave_module();
  if (status < 0) return status;
  if (status)
    pr(
      LEVEL_WARNING,
      cstr(
        "do_init_module: '%s'->init suspiciously returned %d, it should follow 0/-E convention\ndo_init_module: loading module anyway...",
      ),
      mod + MOD_NAME,
      status,
    );
  store<u32>(mod, MODULE_LIVE, MOD_STATE);
  return 0;
}

/** From here on the module runs: what it takes is accounted to it. */
export function enter_module(mod: usize): void {
  store<u32>(MACHINE_BASE, <u32>mod, M_CALL_MODULE);
  store<u32>(MACHINE_BASE, OP_INIT, M_CALL_OPERATION);
}

export function leave_module(): void {
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

/** Frees everything a module has in this domain; the host has cleared its slots or has not set them. */
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
  store_forget(mod + MOD_NAME);
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
  module_strip(mod);
  uses_forget(mod); // those who used it and those who have files open, where its removal was forced
  files_orphan(mod);
  remove_module(mod);
}

/** Takes away what module_describe, _resolve, _export, _kallsyms and _params gave; struct module stays. */
export function module_strip(mod: usize): void {
  remove_symbols(mod);
  uses_release(mod);
  params_free(mod);
  kallsyms_free(mod);
  text_free(load<u32>(mod, MOD_TEXT), load<u32>(mod, MOD_TEXT_SIZE));
  store<u32>(mod, 0, MOD_TEXT);
  keep_free(mod, load<u32>(mod, MOD_VERSION));
  keep_free(mod, load<u32>(mod, MOD_SRCVERSION));
  store<u32>(mod, 0, MOD_VERSION);
  store<u32>(mod, 0, MOD_SRCVERSION);
}
