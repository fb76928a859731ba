// /sys/module/X/parameters/P as an open file: shows and sets the variable in the module's domain. For a module of its own domain the
// kernel opens it by name. For a module of another domain the kernel sends a request to that endpoint, where the file is opened by
// the parameter's number. An open file has the names and looks up the parameter at each access.

import { MACHINE_BASE } from '../../abi/map';
import { M_SERVED_MODULE } from '../../abi/machine';
import { NAME_SIZE } from '../../abi/limits';
import {
  DEV_MAJOR,
  DT_NONE,
  FILE_MINOR,
  FOPS_LLSEEK,
  FOPS_OPEN,
  FOPS_READ,
  FOPS_RELEASE,
  FOPS_SIZE,
  FOPS_WRITE,
  FILE_PRIVATE,
  PARAM_MAJOR,
} from '../../abi/file';
import { MOD_NAME, PRM_NAME } from '../../abi/module';
import { SEQ_PRIVATE } from '../../abi/seq';
import { EFAULT, EINVAL, ENODEV, ENOENT, ENOMEM } from '../../abi/errno';
import { cstr } from '../../lib/cstr';
import { index_of } from '../../lib/function';
import { strscpy } from '../../lib/text';
import { kmalloc_for } from '../../mm/kmalloc';
import { find_module } from '../../module/list';
import { param_at, param_find, param_set, param_show } from '../../module/params';
import { node_add, node_set } from '../nodes';
import {
  seq_lseek,
  seq_putc,
  seq_read,
  seq_text,
  single_open_private,
  single_release_private,
} from '../proc/seq';
import { from_user } from '../usercopy';

// The private data of an open file: the module's name, then the parameter's.
const PF_PARAM = NAME_SIZE;
const PF_SIZE = NAME_SIZE * 2;

/** Bytes of a value with its NUL. */
const VALUE_SIZE = 1024;

const fops = memory.data(FOPS_SIZE);
const value = memory.data(VALUE_SIZE);

/** The operations; `open` is the domain's own. */
export function param_fops(open: u32): usize {
  store<u32>(fops, open, FOPS_OPEN);
  store<u32>(fops, index_of(single_release_private), FOPS_RELEASE);
  store<u32>(fops, index_of(seq_read), FOPS_READ);
  store<u32>(fops, index_of(param_write), FOPS_WRITE);
  store<u32>(fops, index_of(seq_lseek), FOPS_LLSEEK);
  return fops;
}

/** In a driver's domain: the record on which the kernel's requests open a parameter. */
export function param_node_init(): void {
  const node = <usize>node_add(0, cstr(''), DT_NONE, 0, 0, 0);
  store<u32>(node, PARAM_MAJOR, DEV_MAJOR);
  node_set(node, param_fops(index_of(open_by_number)));
}

/** Opens a parameter of the module whose channel the request came by. */
function open_by_number(file: usize): i32 {
  const mod = <usize>load<u32>(MACHINE_BASE, M_SERVED_MODULE);
  const prm = mod ? param_at(mod, load<u32>(file, FILE_MINOR)) : 0;
  return prm ? param_open(file, mod, prm) : -ENOENT;
}

/** @returns 0 or -ENOMEM */
export function param_open(file: usize, mod: usize, prm: usize): i32 {
  const own = kmalloc_for(0, PF_SIZE);
  if (!own) return -ENOMEM;
  strscpy(own, mod + MOD_NAME, NAME_SIZE);
  strscpy(own + PF_PARAM, prm + PRM_NAME, NAME_SIZE);
  return single_open_private(file, index_of(show), own);
}

function show(m: usize, _v: usize): i32 {
  const own = <usize>load<u32>(m, SEQ_PRIVATE);
  const mod = find_module(own);
  const prm = mod ? param_find(mod, own + PF_PARAM) : 0;
  if (!prm) return -ENODEV;
  const length = param_show(prm, value, VALUE_SIZE);
  store<u8>(value + length - 1, 0);
  seq_text(m, value);
  seq_putc(m, 0x0a);
  return 0;
}

/** Sets the parameter. A newline at the end is not part of the value, because `echo` appends one. */
function param_write(file: usize, from: usize, size: i32, _position: usize): i32 {
  if (size >= VALUE_SIZE) return -EINVAL;
  if (from_user(value, from, size)) return -EFAULT;
  const own = <usize>load<u32>(<usize>load<u32>(file, FILE_PRIVATE), SEQ_PRIVATE);
  const mod = find_module(own);
  const prm = mod ? param_find(mod, own + PF_PARAM) : 0;
  if (!prm) return -ENODEV;
  const length = size && load<u8>(value + size - 1) == 0x0a ? size - 1 : size;
  store<u8>(value + length, 0);
  const status = param_set(mod, prm, value);
  return status < 0 ? status : size;
}
