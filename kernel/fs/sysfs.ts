// /sys/module: nothing of it is stored. A directory for each module of the list, made up when somebody looks; an open file
// holds the names of what it shows and finds it anew at each read, so that it outlives its module and says ENODEV then.

import {
  DT_DIR,
  DT_NONE,
  DT_REG,
  FILE_PRIVATE,
  FOPS_LLSEEK,
  FOPS_OPEN,
  FOPS_READ,
  FOPS_RELEASE,
  FOPS_SIZE,
  NODE_DATA,
} from '../abi/file';
import { MACHINE_BASE } from '../abi/map';
import { M_MODULES } from '../abi/machine';
import { MAX_MODULES, NAME_SIZE } from '../abi/limits';
import {
  MOD_BASE,
  MOD_NAME,
  MOD_NEXT,
  MOD_REFERENCES,
  MOD_SIZE,
  MOD_STATE,
  MODULE_COMING,
  MODULE_GOING,
  MODULE_LIVE,
} from '../abi/module';
import { SEQ_PRIVATE } from '../abi/seq';
import { ENODEV, ENOENT, ENOMEM, ENOTDIR } from '../abi/errno';
import { kfree, kmalloc_for } from '../mm/kmalloc';
import { find_module } from '../module/list';
import { cstr } from '../lib/cstr';
import { index_of } from '../lib/function';
import { fnv_text, same_text, strscpy } from '../lib/text';
import { directory_fops, directory_lseek, list_add, list_begin } from './directory';
import { node_add, node_set } from './nodes';
import { set_found } from './path';
import { seq, seq_lseek, seq_puts, seq_read, single_open, single_release } from './seq';

/** NODE_DATA of the directory that lists the modules. */
const MODULES: u32 = 1;

// What stands below a module.
const IN_MODULE = 1;
const IN_HOLDERS = 2;
const IN_SECTIONS = 3;
const FIRST_FILE = 8;
const CORESIZE = 8;
const INITSTATE = 9;
const REFCNT = 10;
const TEXT_SECTION = 16;
const DATA_SECTION = 17;

// What an open file or directory of it holds.
const SF_KIND = 0;
const SF_MODULE = 4; // name
const SF_SIZE = 60;

const directories = memory.data(FOPS_SIZE);
const files = memory.data(FOPS_SIZE);
let directory_node: usize = 0;
let file_node: usize = 0;

/** What the last look has found. */
let seen_kind: i32 = 0;
let seen_module: usize = 0;

/** @param top the root of the tree */
export function sysfs_init(top: usize): void {
  const sys = node_set(<usize>node_add(top, cstr('sys'), DT_DIR, 0o555, 0, 0), directory_fops());
  const modules = node_set(<usize>node_add(sys, cstr('module'), DT_DIR, 0o755, 0, 0), directory_fops());
  store<u32>(modules, MODULES, NODE_DATA);
  store<u32>(directories, index_of(open_directory), FOPS_OPEN);
  store<u32>(directories, load<u32>(directory_fops(), FOPS_READ), FOPS_READ);
  store<u32>(directories, index_of(directory_lseek), FOPS_LLSEEK);
  store<u32>(directories, index_of(release_directory), FOPS_RELEASE);
  directory_node = node_set(<usize>node_add(0, cstr(''), DT_NONE, 0, 0, 0), directories);
  store<u32>(files, index_of(open_file), FOPS_OPEN);
  store<u32>(files, index_of(seq_read), FOPS_READ);
  store<u32>(files, index_of(seq_lseek), FOPS_LLSEEK);
  store<u32>(files, index_of(release_file), FOPS_RELEASE);
  file_node = node_set(<usize>node_add(0, cstr(''), DT_NONE, 0, 0, 0), files);
}

/** The number of a directory's entry -> its kind; 0 where there is none. */
function entry_kind(inside: i32, i: i32): i32 {
  if (inside == IN_MODULE) return i < 2 ? IN_HOLDERS + i : i < 5 ? FIRST_FILE + i - 2 : 0;
  if (inside == IN_SECTIONS) return i < 2 ? TEXT_SECTION + i : 0;
  return 0;
}

function name_of(kind: i32): usize {
  if (kind == IN_HOLDERS) return cstr('holders');
  if (kind == IN_SECTIONS) return cstr('sections');
  if (kind == CORESIZE) return cstr('coresize');
  if (kind == INITSTATE) return cstr('initstate');
  if (kind == REFCNT) return cstr('refcnt');
  if (kind == TEXT_SECTION) return cstr('.text');
  if (kind == DATA_SECTION) return cstr('.data');
  return cstr('');
}

const component = memory.data(NAME_SIZE);

/** Goes on where a path enters /sys/module. @returns 0, -ENOENT or -ENOTDIR */
export function sysfs_lookup(_virtual: u32, path: usize): i32 {
  const inode = fnv_text(path) | 0x80000000;
  seen_kind = 0;
  seen_module = 0;
  for (;;) {
    while (load<u8>(path) == 0x2f) path++;
    if (!load<u8>(path)) break;
    if (seen_kind >= FIRST_FILE) return -ENOTDIR;
    let length = 0;
    while (load<u8>(path + length) && load<u8>(path + length) != 0x2f) length++;
    if (length >= NAME_SIZE) return -ENOENT;
    strscpy(component, path, length + 1);
    path += length;
    if (same_text(component, cstr('.'))) continue;
    if (!down()) return -ENOENT;
  }
  if (seen_kind < FIRST_FILE) set_found(directory_node, DT_DIR, 0o755, 0, inode);
  else set_found(file_node, DT_REG, seen_kind >= TEXT_SECTION ? 0o400 : 0o444, 0, inode);
  return 0;
}

/** Steps from what was seen to what `component` names in it. @returns whether there is such a thing */
function down(): bool {
  if (!seen_kind) {
    seen_module = find_module(component);
    // find_module knows - and _ as one; a directory has one name.
    if (!seen_module || !same_text(seen_module + MOD_NAME, component)) return false;
    seen_kind = IN_MODULE;
    return true;
  }
  for (let i = 0; ; i++) {
    const kind = entry_kind(seen_kind, i);
    if (!kind) return false;
    if (!same_text(name_of(kind), component)) continue;
    seen_kind = kind;
    return true;
  }
}

/** Lists /sys/module. @returns as path_list */
export function sysfs_list(_virtual: u32, position: i32): i32 {
  let mod = <usize>load<u32>(MACHINE_BASE, M_MODULES);
  for (let i = 0; mod && i < MAX_MODULES; i++) {
    if (i >= position) {
      if (!list_add(DT_DIR, mod + MOD_NAME)) return i;
      position = i + 1;
    }
    mod = <usize>load<u32>(mod, MOD_NEXT);
  }
  return position;
}

/** Whether a record that a file stands on is that of directories here. */
export function sysfs_is_directory(record: usize): bool {
  return record == directory_node;
}

/** Lists a directory below a module. @returns as path_list, or -ENODEV */
export function sysfs_list_file(file: usize, position: i32, buffer: usize, size: i32): i32 {
  const own = <usize>load<u32>(file, FILE_PRIVATE);
  const mod = find_module(own + SF_MODULE);
  if (!mod) return -ENODEV;
  list_begin(buffer, size);
  const inside = load<i32>(own, SF_KIND);
  while (true) {
    const kind = entry_kind(inside, position);
    if (!kind || !list_add(kind < FIRST_FILE ? DT_DIR : DT_REG, name_of(kind))) return position;
    position++;
  }
}

/** @returns what an open file holds of what was seen last, or 0 */
function hold(): usize {
  const own = kmalloc_for(0, SF_SIZE);
  if (!own) return 0;
  store<u32>(own, seen_kind, SF_KIND);
  strscpy(own + SF_MODULE, seen_module ? seen_module + MOD_NAME : cstr(''), NAME_SIZE);
  return own;
}

function open_directory(file: usize): i32 {
  const own = hold();
  store<u32>(file, <u32>own, FILE_PRIVATE);
  return own ? 0 : -ENOMEM;
}

function release_directory(file: usize): i32 {
  kfree(<usize>load<u32>(file, FILE_PRIVATE));
  return 0;
}

function open_file(file: usize): i32 {
  const own = hold();
  if (!own) return -ENOMEM;
  const status = single_open(file, index_of(show), own);
  if (status < 0) kfree(own);
  return status;
}

function release_file(file: usize): i32 {
  const own = <usize>load<u32>(<usize>load<u32>(file, FILE_PRIVATE), SEQ_PRIVATE);
  single_release(file);
  kfree(own);
  return 0;
}

function state_of(mod: usize): usize {
  const state = load<u32>(mod, MOD_STATE);
  if (state == MODULE_LIVE) return cstr('live');
  if (state == MODULE_COMING) return cstr('coming');
  if (state == MODULE_GOING) return cstr('going');
  return cstr('unformed');
}

function show(m: usize, _v: usize): i32 {
  const own = <usize>load<u32>(m, SEQ_PRIVATE);
  const mod = find_module(own + SF_MODULE);
  if (!mod) return -ENODEV;
  const kind = load<i32>(own, SF_KIND);
  if (kind == CORESIZE) seq(m, cstr('%u\n'), load<u32>(mod, MOD_SIZE));
  else if (kind == INITSTATE) seq(m, cstr('%s\n'), state_of(mod));
  else if (kind == REFCNT) seq(m, cstr('%d\n'), load<u32>(mod, MOD_REFERENCES));
  else if (kind == DATA_SECTION) seq(m, cstr('0x%08x\n'), load<u32>(mod, MOD_BASE));
  else seq_puts(m, cstr('\n'));
  return 0;
}
