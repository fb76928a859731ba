// /proc/modules and /proc/kallsyms, in Linux's formats.

import { IMAGE_BASE, MACHINE_BASE } from '../abi/map';
import { M_KALLSYMS, M_MODULES } from '../abi/machine';
import {
  KALLSYM_NAME,
  KALLSYM_OFFSET,
  KALLSYM_SIZE,
  KALLSYM_TYPE,
  KALLSYMS_COUNT,
  KALLSYMS_ENTRIES,
  MOD_BASE,
  MOD_EXIT,
  MOD_INIT,
  MOD_KALLSYMS,
  MOD_NAME,
  MOD_NEXT,
  MOD_REFERENCES,
  MOD_SIZE,
  MOD_STATE,
  MOD_TAINT,
  MOD_TEXT,
  MOD_TEXT_SIZE,
  MODULE_COMING,
  MODULE_GOING,
  MODULE_LIVE,
  MODULE_UNFORMED,
  TEXT_KERNEL,
} from '../abi/module';
import { SEQ_NEXT, SEQ_OPERATIONS_SIZE, SEQ_SHOW, SEQ_START, SEQ_STOP } from '../abi/seq';
import { proc_create_seq } from '../fs/proc/proc';
import { seq, seq_putc, seq_puts, seq_text } from '../fs/proc/seq';
import { cstr } from '../lib/cstr';
import { index_of } from '../lib/function';
import { taint_letter, TAINTS } from '../lib/taint';
import { user_of } from './uses';

const modules_operations = memory.data(SEQ_OPERATIONS_SIZE);
const kallsyms_operations = memory.data(SEQ_OPERATIONS_SIZE);

export function module_files_init(): void {
  store<u32>(modules_operations, index_of(modules_start), SEQ_START);
  store<u32>(modules_operations, index_of(modules_next), SEQ_NEXT);
  store<u32>(modules_operations, index_of(nothing_to_stop), SEQ_STOP);
  store<u32>(modules_operations, index_of(modules_show), SEQ_SHOW);
  proc_create_seq(cstr('modules'), 0, 0, modules_operations);
  store<u32>(kallsyms_operations, index_of(kallsyms_start), SEQ_START);
  store<u32>(kallsyms_operations, index_of(kallsyms_next), SEQ_NEXT);
  store<u32>(kallsyms_operations, index_of(nothing_to_stop), SEQ_STOP);
  store<u32>(kallsyms_operations, index_of(kallsyms_show), SEQ_SHOW);
  proc_create_seq(cstr('kallsyms'), 0, 0, kallsyms_operations);
}

function nothing_to_stop(_m: usize, _v: usize): void {}

/** The first module from `mod` on that others may see. */
function formed(mod: usize): usize {
  while (mod && load<u32>(mod, MOD_STATE) == MODULE_UNFORMED) mod = <usize>load<u32>(mod, MOD_NEXT);
  return mod;
}

function modules_start(_m: usize, position: usize): usize {
  let mod = formed(<usize>load<u32>(MACHINE_BASE, M_MODULES));
  for (let left = load<i64>(position); mod && left; left--) mod = formed(<usize>load<u32>(mod, MOD_NEXT));
  return mod;
}

function modules_next(_m: usize, mod: usize, position: usize): usize {
  store<i64>(position, load<i64>(position) + 1);
  return formed(<usize>load<u32>(mod, MOD_NEXT));
}

/** name size references users, state address (taints). The size is that of its file and of its data. */
function modules_show(m: usize, mod: usize): i32 {
  const size = load<u32>(mod, MOD_SIZE) + load<u32>(mod, MOD_TEXT_SIZE);
  seq(m, cstr('%s %u %d '), mod + MOD_NAME, size, load<u32>(mod, MOD_REFERENCES));
  let users = 0;
  for (let user = user_of(mod, users); user; user = user_of(mod, ++users))
    seq(m, cstr('%s,'), user + MOD_NAME);
  const permanent = load<u32>(mod, MOD_INIT) != 0 && !load<u32>(mod, MOD_EXIT);
  if (permanent) seq_puts(m, cstr('[permanent],'));
  else if (!users) seq_putc(m, 0x2d);
  const state = load<u32>(mod, MOD_STATE);
  seq(
    m,
    cstr(' %s 0x%08x'),
    state == MODULE_GOING ? cstr('Unloading') : state == MODULE_COMING ? cstr('Loading') : cstr('Live'),
    load<u32>(mod, MOD_TEXT),
  );
  const taint = load<u32>(mod, MOD_TAINT);
  if (taint || state != MODULE_LIVE) {
    seq_puts(m, cstr(' ('));
    module_flags(m, mod);
    seq_putc(m, 0x29);
  }
  seq_putc(m, 0x0a);
  return 0;
}

/** The letters of taints. */
export function show_taint(m: usize, taint: u32): void {
  for (let bit = 0; bit < TAINTS; bit++) if (taint & (1 << bit)) seq_putc(m, taint_letter(bit));
}

/** The letters of a module's taints, and + while it is coming, - while it is going. */
function module_flags(m: usize, mod: usize): void {
  show_taint(m, load<u32>(mod, MOD_TAINT));
  const state = load<u32>(mod, MOD_STATE);
  if (state == MODULE_COMING) seq_putc(m, 0x2b);
  if (state == MODULE_GOING) seq_putc(m, 0x2d);
}

// Where the listing of names is: a table, the module it belongs to (0 for the kernel), the entry's number. Found anew at
// each start, since modules come and go between two reads.
let names: usize = 0;
let names_of: usize = 0;
let name_at: u32 = 0;

/** Goes to the first entry of a table that is not empty, from `names` on. @returns 0 behind the last */
function settle(): usize {
  while (!names || name_at >= load<u32>(names, KALLSYMS_COUNT)) {
    if (names) name_at -= load<u32>(names, KALLSYMS_COUNT);
    names_of = formed(<usize>load<u32>(names_of ? names_of + MOD_NEXT : MACHINE_BASE + M_MODULES));
    if (!names_of) return 0;
    names = <usize>load<u32>(names_of, MOD_KALLSYMS);
  }
  return names + KALLSYMS_ENTRIES + name_at * KALLSYM_SIZE;
}

function kallsyms_start(_m: usize, position: usize): usize {
  names = <usize>load<u32>(MACHINE_BASE, M_KALLSYMS);
  names_of = 0;
  name_at = <u32>load<i64>(position);
  return settle();
}

function kallsyms_next(_m: usize, _v: usize, position: usize): usize {
  store<i64>(position, load<i64>(position) + 1);
  name_at++;
  return settle();
}

/** address type name [module]; the data of a module in another domain has no address here. */
function kallsyms_show(m: usize, entry: usize): i32 {
  const type = load<u8>(entry, KALLSYM_TYPE);
  const offset = load<u32>(entry, KALLSYM_OFFSET);
  const code = (type | 0x20) == 0x74; // t
  const data = names_of ? load<u32>(names_of, MOD_BASE) : IMAGE_BASE;
  const text = names_of ? load<u32>(names_of, MOD_TEXT) : TEXT_KERNEL;
  const address = code ? text + offset : data ? data + offset : 0;
  seq(m, cstr('%08x %c '), address, <usize>type);
  seq_text(m, names + (load<u32>(entry, KALLSYM_NAME) & 0xffffff));
  if (names_of) seq(m, cstr('\t[%s]'), names_of + MOD_NAME);
  seq_putc(m, 0x0a);
  return 0;
}
