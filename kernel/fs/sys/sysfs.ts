// /sys/module: a directory for each module of the list. Nothing of it is stored; it is computed at each look-up. An open file has the
// names of what it shows and looks them up at each read, so a file whose module was unloaded returns ENODEV.

import {
  DEV_ENDPOINT,
  DEV_MAJOR,
  DT_DIR,
  DT_LNK,
  DT_NONE,
  DT_REG,
  FILE_PRIVATE,
  FOPS_LLSEEK,
  FOPS_OPEN,
  FOPS_READ,
  FOPS_RELEASE,
  FOPS_SIZE,
  NODE_DATA,
  PARAM_MAJOR,
} from '../../abi/file';
import { MACHINE_BASE } from '../../abi/map';
import { M_MODULES } from '../../abi/machine';
import { MAX_CHANNELS, MAX_MODULES, NAME_SIZE } from '../../abi/limits';
import {
  MOD_BASE,
  MOD_ENDPOINT,
  MOD_NAME,
  MOD_NEXT,
  MOD_REFERENCES,
  MOD_SIZE,
  MOD_SRCVERSION,
  MOD_STATE,
  MOD_TAINT,
  MOD_TEXT,
  MOD_TEXT_SIZE,
  MOD_VERSION,
  MODULE_COMING,
  MODULE_GOING,
  MODULE_LIVE,
  PRM_NAME,
  PRM_PERM,
} from '../../abi/module';
import { SEQ_PRIVATE } from '../../abi/seq';
import { ENODEV, ENOENT, ENOMEM, ENOTDIR } from '../../abi/errno';
import { kfree, kmalloc_for } from '../../mm/kmalloc';
import { find_module } from '../../module/list';
import { param_at, param_number } from '../../module/params';
import { show_taint } from '../../module/show';
import { user_of } from '../../module/uses';
import { cstr } from '../../lib/cstr';
import { index_of } from '../../lib/function';
import { fnv_text, same_text, strscpy } from '../../lib/text';
import { directory_fops, directory_lseek, list_add, list_begin } from '../directory';
import { set_found } from '../found';
import { node_add, node_seal, node_set } from '../nodes';
import { param_fops, param_open } from './param-file';
import {
  seq,
  seq_lseek,
  seq_putc,
  seq_read,
  seq_text,
  single_open_private,
  single_release_private,
} from '../proc/seq';

/** NODE_DATA of the directory that lists the modules. */
const MODULES: u32 = 1;

// The kinds of entries below a module.
const IN_MODULE = 1;
const IN_HOLDERS = 2;
const IN_PARAMETERS = 3;
const IN_SECTIONS = 4;
const FIRST_FILE = 8;
const CORESIZE = 8;
const INITSTATE = 9;
const REFCNT = 10;
const TAINT = 11;
const VERSION = 12;
const SRCVERSION = 13;
/** A name in holders: a link to that module. */
const HOLDER = 14;
const PARAMETER = 15;
const TEXT_SECTION = 16;
const DATA_SECTION = 17;

// The private data of an open file or directory.
const SF_KIND = 0;
const SF_MODULE = 4; // name
const SF_SIZE = 60;

const directories = memory.data(FOPS_SIZE);
const files = memory.data(FOPS_SIZE);
let directory_node: usize = 0;
let file_node: usize = 0;
/** The record of this domain's parameters, and one for each channel to another domain. */
let param_node: usize = 0;
const param_nodes = memory.data(MAX_CHANNELS << 2);

/** The result of the last look-up. */
let seen_kind: i32 = 0;
let seen_module: usize = 0;
let seen_parameter: usize = 0;

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
  store<u32>(files, index_of(single_release_private), FOPS_RELEASE);
  file_node = node_set(<usize>node_add(0, cstr(''), DT_NONE, 0, 0, 0), files);
  param_node = node_set(<usize>node_add(0, cstr(''), DT_NONE, 0, 0, 0), param_fops(index_of(open_parameter)));
  for (let channel = 0; channel < MAX_CHANNELS; channel++) {
    const node = <usize>node_add(0, cstr(''), DT_NONE, 0, 0, 0);
    store<u32>(node, PARAM_MAJOR, DEV_MAJOR);
    store<u32>(node, channel + 1, DEV_ENDPOINT);
    node_seal(node);
    store<u32>(param_nodes + (channel << 2), <u32>node);
  }
}

/** The kind of a directory's entry, by its number; 0 after the last one. Entries that the module does not have are skipped. */
function entry_kind(inside: i32, i: i32): i32 {
  if (inside == IN_MODULE) return i < 3 ? IN_HOLDERS + i : i < 9 ? FIRST_FILE + i - 3 : 0;
  if (inside == IN_SECTIONS) return i < 2 ? TEXT_SECTION + i : 0;
  if (inside == IN_HOLDERS) return user_of(seen_module, i) ? HOLDER : 0;
  if (inside == IN_PARAMETERS) return param_at(seen_module, i) ? PARAMETER : 0;
  return 0;
}

/** Whether the module that was found has such an entry. */
function has_entry(kind: i32, i: i32): bool {
  if (kind == IN_PARAMETERS) {
    for (let n = 0; param_at(seen_module, n); n++) if (has_entry(PARAMETER, n)) return true;
    return false;
  }
  if (kind == PARAMETER) return load<u32>(param_at(seen_module, i), PRM_PERM) != 0;
  if (kind == VERSION) return load<u32>(seen_module, MOD_VERSION) != 0;
  if (kind == SRCVERSION) return load<u32>(seen_module, MOD_SRCVERSION) != 0;
  return true;
}

function name_of(kind: i32, i: i32): usize {
  if (kind == IN_HOLDERS) return cstr('holders');
  if (kind == IN_PARAMETERS) return cstr('parameters');
  if (kind == IN_SECTIONS) return cstr('sections');
  if (kind == CORESIZE) return cstr('coresize');
  if (kind == INITSTATE) return cstr('initstate');
  if (kind == REFCNT) return cstr('refcnt');
  if (kind == TAINT) return cstr('taint');
  if (kind == VERSION) return cstr('version');
  if (kind == SRCVERSION) return cstr('srcversion');
  if (kind == TEXT_SECTION) return cstr('.text');
  if (kind == DATA_SECTION) return cstr('.data');
  if (kind == HOLDER) return user_of(seen_module, i) + MOD_NAME;
  return param_at(seen_module, i) + PRM_NAME;
}

function type_of(kind: i32): u32 {
  return kind < FIRST_FILE ? DT_DIR : kind == HOLDER ? DT_LNK : DT_REG;
}

const component = memory.data(NAME_SIZE);

/** Looks up the rest of a path below /sys/module. @returns 0, -ENOENT or -ENOTDIR */
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
    if (!descend()) return -ENOENT;
  }
  if (seen_kind < FIRST_FILE) set_found(directory_node, DT_DIR, seen_kind ? 0o755 : 0o555, 0, inode);
  else if (seen_kind == PARAMETER) found_parameter(inode);
  else set_found(file_node, DT_REG, seen_kind >= TEXT_SECTION ? 0o400 : 0o444, 0, inode);
  return 0;
}

/** Sets the result to a parameter. That of a module in another domain is opened there, by its number. */
function found_parameter(inode: u32): void {
  const mode = load<u32>(seen_parameter, PRM_PERM) & 0o777;
  const endpoint = load<u32>(seen_module, MOD_ENDPOINT);
  if (!endpoint || endpoint > <u32>MAX_CHANNELS) return set_found(param_node, DT_REG, mode, 0, inode);
  const number = param_number(seen_module, seen_parameter);
  set_found(<usize>load<u32>(param_nodes + ((endpoint - 1) << 2)), DT_REG, mode, number, inode);
}

/** Steps from the found entry to its entry `component`. @returns whether there is one */
function descend(): bool {
  if (!seen_kind) {
    seen_module = find_module(component);
    // find_module treats - and _ as the same letter; a directory has one name.
    if (!seen_module || !same_text(seen_module + MOD_NAME, component)) return false;
    seen_kind = IN_MODULE;
    return true;
  }
  for (let i = 0; entry_kind(seen_kind, i); i++) {
    const kind = entry_kind(seen_kind, i);
    if (!has_entry(kind, i) || !same_text(name_of(kind, i), component)) continue;
    if (kind == PARAMETER) seen_parameter = param_at(seen_module, i);
    if (kind == HOLDER) seen_module = user_of(seen_module, i);
    seen_kind = kind == HOLDER ? IN_MODULE : kind;
    return true;
  }
  return false;
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

/** Whether the record that a file refers to is the one of directories here. */
export function sysfs_is_directory(record: usize): bool {
  return record == directory_node;
}

/** Lists a directory below a module. @returns as path_list, or -ENODEV */
export function sysfs_list_file(file: usize, position: i32, buffer: usize, size: i32): i32 {
  const own = <usize>load<u32>(file, FILE_PRIVATE);
  seen_module = find_module(own + SF_MODULE);
  if (!seen_module) return -ENODEV;
  list_begin(buffer, size);
  const inside = load<i32>(own, SF_KIND);
  for (let kind = entry_kind(inside, position); kind; kind = entry_kind(inside, ++position)) {
    if (has_entry(kind, position) && !list_add(type_of(kind), name_of(kind, position))) break;
  }
  return position;
}

/** @returns the private data of a file on the last found entry, or 0 */
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
  return own ? single_open_private(file, index_of(show), own) : -ENOMEM;
}

/** As open, for a parameter of this domain. */
function open_parameter(file: usize): i32 {
  return param_open(file, seen_module, seen_parameter);
}

function state_of(mod: usize): usize {
  const state = load<u32>(mod, MOD_STATE);
  if (state == MODULE_LIVE) return cstr('live');
  if (state == MODULE_COMING) return cstr('coming');
  if (state == MODULE_GOING) return cstr('going');
  return cstr('unformed');
}

/** Shows a text of the module's file, and a newline. */
function show_text(m: usize, text: usize): void {
  seq_text(m, text);
  seq_putc(m, 0x0a);
}

function show(m: usize, _v: usize): i32 {
  const own = <usize>load<u32>(m, SEQ_PRIVATE);
  const mod = find_module(own + SF_MODULE);
  if (!mod) return -ENODEV;
  const kind = load<i32>(own, SF_KIND);
  if (kind == CORESIZE) seq(m, cstr('%u\n'), load<u32>(mod, MOD_SIZE) + load<u32>(mod, MOD_TEXT_SIZE));
  else if (kind == INITSTATE) seq(m, cstr('%s\n'), state_of(mod));
  else if (kind == REFCNT) seq(m, cstr('%d\n'), load<u32>(mod, MOD_REFERENCES));
  else if (kind == VERSION) show_text(m, load<u32>(mod, MOD_VERSION));
  else if (kind == SRCVERSION) show_text(m, load<u32>(mod, MOD_SRCVERSION));
  else if (kind == TEXT_SECTION) seq(m, cstr('0x%08x\n'), load<u32>(mod, MOD_TEXT));
  else if (kind == DATA_SECTION) seq(m, cstr('0x%08x\n'), load<u32>(mod, MOD_BASE));
  else {
    show_taint(m, load<u32>(mod, MOD_TAINT));
    seq_putc(m, 0x0a);
  }
  return 0;
}
