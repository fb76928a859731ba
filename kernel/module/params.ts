// Parameters of modules: a table at struct module (abi/module.ts), set from insmod's command line and through /sys, shown there.
// The same code runs in the kernel's domain and in a driver's: a parameter is set where its variable is. A parameter is found
// by its number, and by its name in the table's index, which is sorted by names.

import {
  MOD_NAME,
  MOD_PARAMS,
  PARAM_ARRAY,
  PARAM_BOOL,
  PARAM_CHARP,
  PARAM_UINT,
  PARAMS_COUNT,
  PARAMS_ENTRIES,
  PARAMS_ROOM,
  PRM_ADDRESS,
  PRM_COUNT,
  PRM_NAME,
  PRM_PERM,
  PRM_SIZE,
  PRM_STRING,
  PRM_TYPE,
  PRM_USED,
} from '../abi/module';
import { NAME_SIZE } from '../abi/limits';
import { E2BIG, EINVAL, ENOMEM, ENOENT } from '../abi/errno';
import { LEVEL_ERR, LEVEL_WARNING } from '../abi/log';
import { ksize } from '../mm/kmalloc';
import { snprintf } from '../lib/format';
import { cstr } from '../lib/cstr';
import { name_error } from '../lib/name';
import { pr } from '../lib/printk';
import { name_order, number_base, strlen, strscpy } from '../lib/text';
import { keep_alloc, keep_free } from './kept';

const COMMA: u32 = 0x2c;

/** Room for `room` parameters, before module_param_add. @returns 0 or -ENOMEM */
export function module_params(mod: usize, room: i32): i32 {
  if (room <= 0) return 0;
  const size = PARAMS_ENTRIES + room * (PRM_SIZE + 2);
  const table = keep_alloc(mod, size);
  if (!table) return -ENOMEM;
  memory.fill(table, 0, size);
  store<u32>(table, room, PARAMS_ROOM);
  store<u32>(mod, <u32>table, MOD_PARAMS);
  return 0;
}


@inline
function table_of(mod: usize): usize {
  return <usize>load<u32>(mod, MOD_PARAMS);
}


@inline
function entry(table: usize, number: u32): usize {
  return table + PARAMS_ENTRIES + number * PRM_SIZE;
}


@inline
function index(table: usize): usize {
  return entry(table, load<u32>(table, PARAMS_ROOM));
}

export function params_count(mod: usize): u32 {
  const table = table_of(mod);
  return table ? load<u32>(table, PARAMS_COUNT) : 0;
}

/** @returns the parameter of that number, or 0 */
export function param_at(mod: usize, number: u32): usize {
  return number < params_count(mod) ? entry(table_of(mod), number) : 0;
}

/** The number of a parameter of the module. */
export function param_number(mod: usize, prm: usize): u32 {
  return <u32>((prm - entry(table_of(mod), 0)) / PRM_SIZE);
}

/** @returns the first place of the index whose name is not below `name`, or is above it */
function place_of(table: usize, name: usize, above: bool): u32 {
  let low: u32 = 0;
  let high = load<u32>(table, PARAMS_COUNT);
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = name_order(entry(table, load<u16>(index(table) + (middle << 1))) + PRM_NAME, name);
    if (order < 0 || (above && !order)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Tells of one parameter, which comes behind the others.
 *
 * @param address of the variable or of an array's first element, 0 in another domain
 * @param count 1, or an array's capacity
 */
export function module_param_add(
  mod: usize,
  name: usize,
  type: i32,
  perm: u32,
  address: usize,
  count: i32,
): i32 {
  const wrong = name_error(name);
  if (wrong) return wrong;
  const table = table_of(mod);
  const number = params_count(mod);
  if (!table || number == load<u32>(table, PARAMS_ROOM)) return -E2BIG;
  const prm = entry(table, number);
  store<u32>(prm, type, PRM_TYPE);
  store<u32>(prm, perm, PRM_PERM);
  store<u32>(prm, <u32>address, PRM_ADDRESS);
  store<u32>(prm, count, PRM_COUNT);
  strscpy(prm + PRM_NAME, name, NAME_SIZE);
  const place = place_of(table, name, true);
  const at = index(table) + (place << 1);
  memory.copy(at + 2, at, (number - place) << 1);
  store<u16>(at, <u16>number);
  store<u32>(table, number + 1, PARAMS_COUNT);
  return 0;
}

export function params_free(mod: usize): void {
  for (let i: u32 = 0; i < params_count(mod); i++) keep_free(mod, load<u32>(param_at(mod, i), PRM_STRING));
  keep_free(mod, table_of(mod));
  store<u32>(mod, 0, MOD_PARAMS);
}

/**
 * Puts the texts that were given into their variables again: the constructors of a module that lld 14 has linked apply its
 * relocations once more, and a text that a variable begins with is one.
 */
export function params_restore(mod: usize): void {
  for (let number: u32 = 0; number < params_count(mod); number++) {
    const prm = param_at(mod, number);
    let text = <usize>load<u32>(prm, PRM_STRING);
    if (!text) continue;
    const used = <i32>load<u32>(prm, PRM_USED);
    for (let i = 0; i < used; i++) {
      store<u32>(<usize>load<u32>(prm, PRM_ADDRESS) + (i << 2), <u32>text);
      text += strlen(text) + 1;
    }
  }
}

/** @returns the parameter of that name (`-` and `_` are the same), the first of them, or 0 */
export function param_find(mod: usize, name: usize): usize {
  const table = table_of(mod);
  if (!table) return 0;
  const place = place_of(table, name, false);
  if (place == params_count(mod)) return 0;
  const prm = entry(table, load<u16>(index(table) + (place << 1)));
  return name_order(prm + PRM_NAME, name) ? 0 : prm;
}

/** One parameter of insmod's command line; one that the module does not have is told and ignored, as in Linux. */
export function module_parameter(mod: usize, name: usize, text: usize): i32 {
  const prm = param_find(mod, name);
  if (prm) return param_set(mod, prm, text);
  pr(LEVEL_WARNING, cstr("%s: unknown parameter '%s' ignored"), mod + MOD_NAME, name);
  return 0;
}

/**
 * Sets a parameter; what is wrong is in the log, and nothing has changed then.
 *
 * @param text what stands behind `=`, 0 where there is no `=`
 * @returns 0, -EINVAL or -ENOMEM
 */
export function param_set(mod: usize, prm: usize, text: usize): i32 {
  const type = <i32>load<u32>(prm, PRM_TYPE);
  let status: i32;
  if (!text && type != PARAM_BOOL) status = -EINVAL;
  else if ((type & ~PARAM_ARRAY) == PARAM_CHARP) status = set_texts(mod, prm, text);
  else {
    status = set_elements(prm, text, false); // looks whether all of it can be read before anything is changed
    if (!status) set_elements(prm, text, true);
  }
  if (status == -EINVAL) {
    const value = text ? text : cstr('');
    pr(LEVEL_ERR, cstr("%s: `%s' invalid for parameter `%s'"), mod + MOD_NAME, value, prm + PRM_NAME);
  }
  return status;
}

function set_elements(prm: usize, text: usize, write: bool): i32 {
  const type = (<i32>load<u32>(prm, PRM_TYPE)) & ~PARAM_ARRAY;
  const end = <u32>(load<u32>(prm, PRM_TYPE) & PARAM_ARRAY ? COMMA : 0);
  const size = type == PARAM_BOOL ? 1 : 4;
  let address = <usize>load<u32>(prm, PRM_ADDRESS);
  const capacity = <i32>load<u32>(prm, PRM_COUNT);
  let used = 0;
  for (;;) {
    if (used == capacity) return -EINVAL;
    const value = type == PARAM_BOOL ? truth(text) : number(text, end, type == PARAM_UINT);
    if (value == INVALID) return -EINVAL;
    if (write && size == 1) store<u8>(address, <u8>value);
    else if (write) store<u32>(address, <u32>value);
    address += size;
    used++;
    while (text && load<u8>(text) && load<u8>(text) != end) text++;
    if (!text || !load<u8>(text)) break;
    text++;
  }
  if (write) store<u32>(prm, used, PRM_USED);
  return 0;
}

const INVALID: i64 = i64.MIN_VALUE;

/** A number up to NUL or `end`, with a sign, as Linux's kstrtoint: after 0x in hexadecimal, after 0 in octal. */
function number(text: usize, end: u32, unsigned: bool): i64 {
  const negative = load<u8>(text) == 0x2d;
  if (negative && unsigned) return INVALID;
  let at = text + usize(negative || load<u8>(text) == 0x2b);
  const base = number_base(at);
  if (base == 16) at += 2;
  if (!load<u8>(at) || load<u8>(at) == end) return INVALID;
  let value: u64 = 0;
  for (let letter: u32 = load<u8>(at); letter && letter != end; letter = load<u8>(++at)) {
    const digit = letter <= 0x39 ? letter - 0x30 : (letter | 0x20) - 0x57;
    if (digit >= base || (letter > 0x39 && (letter | 0x20) < 0x61)) return INVALID;
    value = value * base + digit;
    if (value > 0xffffffff) return INVALID;
  }
  if (!unsigned && value > (negative ? 0x80000000 : 0x7fffffff)) return INVALID;
  return negative ? -(<i64>value) : <i64>value;
}

/** As Linux's kstrtobool: the first letter decides, the second in `on` and `off`. A flag without a value is set. */
function truth(text: usize): i64 {
  if (!text) return 1;
  const first = load<u8>(text);
  if (first == 0x31 || first == 0x59 || first == 0x79 || first == 0x54 || first == 0x74) return 1; // 1 Y y T t
  if (first == 0x30 || first == 0x4e || first == 0x6e || first == 0x46 || first == 0x66) return 0; // 0 N n F f
  if ((first | 0x20) != 0x6f) return INVALID; // o
  const second = load<u8>(text, 1) | 0x20;
  return second == 0x6e ? 1 : second == 0x66 ? 0 : INVALID;
}

/** Strings lie in a copy that belongs to the parameter: the command line is gone when the module reads them. */
function set_texts(mod: usize, prm: usize, text: usize): i32 {
  const array = load<u32>(prm, PRM_TYPE) & PARAM_ARRAY;
  let used = 1;
  if (array) for (let at = text; load<u8>(at); at++) if (load<u8>(at) == COMMA) used++;
  if (used > <i32>load<u32>(prm, PRM_COUNT)) return -EINVAL;
  const size = strlen(text) + 1;
  const copy = keep_alloc(mod, size + kept_texts(prm, used, 0));
  if (!copy) return -ENOMEM;
  strscpy(copy, text, size);
  kept_texts(prm, used, copy + size);
  let element = <usize>load<u32>(prm, PRM_ADDRESS);
  store<u32>(element, <u32>copy);
  if (array)
    for (let at = copy; load<u8>(at); at++) {
      if (load<u8>(at) != COMMA) continue;
      store<u8>(at, 0);
      element += 4;
      store<u32>(element, <u32>(at + 1));
    }
  keep_free(mod, load<u32>(prm, PRM_STRING));
  store<u32>(prm, <u32>copy, PRM_STRING);
  store<u32>(prm, used, PRM_USED);
  return 0;
}

/**
 * Texts of an array that were given once and are not given now, from the element `from` on: they stay, in memory that goes.
 * @param to where they are moved to, 0 to leave them where they are
 * @returns how many bytes they are
 */
function kept_texts(prm: usize, from: i32, to: usize): i32 {
  const old = <usize>load<u32>(prm, PRM_STRING);
  if (!old) return 0;
  const end = old + ksize(old);
  let total = 0;
  for (let i = from; i < <i32>load<u32>(prm, PRM_COUNT); i++) {
    const element = <usize>load<u32>(prm, PRM_ADDRESS) + (i << 2);
    const text = <usize>load<u32>(element);
    if (text < old || text >= end) continue; // the module's own
    const size = strlen(text) + 1;
    if (to) {
      strscpy(to + total, text, size);
      store<u32>(element, <u32>(to + total));
    }
    total += size;
  }
  return total;
}

/** How many values there are to show: of an array those that were given, all of them where none was. */
function elements_of(prm: usize): u32 {
  if (!(load<u32>(prm, PRM_TYPE) & PARAM_ARRAY)) return 1;
  const used = load<u32>(prm, PRM_USED);
  return used ? used : load<u32>(prm, PRM_COUNT);
}

/**
 * Writes a parameter's value as /sys shows it, ended by a newline and NUL.
 * @returns the length without the NUL; it is cut to fit
 */
export function param_show(prm: usize, to: usize, size: i32): i32 {
  const type = (<i32>load<u32>(prm, PRM_TYPE)) & ~PARAM_ARRAY;
  const address = <usize>load<u32>(prm, PRM_ADDRESS);
  const elements = elements_of(prm);
  let length = 0;
  for (let i: u32 = 0; i < elements && length < size - 2; i++) {
    const word = type == PARAM_BOOL ? load<u8>(address + i) : load<u32>(address + (i << 2));
    if (i) length = put(to, length, size, cstr(','), 0);
    if (type == PARAM_BOOL) length = put(to, length, size, word ? cstr('Y') : cstr('N'), 0);
    else if (type == PARAM_CHARP) length = put(to, length, size, cstr('%s'), word);
    else length = put(to, length, size, type == PARAM_UINT ? cstr('%u') : cstr('%d'), word);
  }
  store<u16>(to + length, 0x0a); // and the NUL
  return length + 1;
}

/** Appends; two bytes stay for the end. @returns the length then */
function put(to: usize, length: i32, size: i32, format: usize, word: usize): i32 {
  return min(length + snprintf(to + length, size - 1 - length, format, word), size - 2);
}

const shown = memory.data(1024);

/**
 * A parameter's value as text without a newline, valid until the next call.
 * @returns its address, 0 where it is no text (a pointer is null), or -ENOENT
 */
export function module_parameter_text(mod: usize, name: usize): i32 {
  const prm = param_find(mod, name);
  if (!prm) return -ENOENT;
  if ((load<u32>(prm, PRM_TYPE) & ~PARAM_ARRAY) == PARAM_CHARP) {
    for (let i: u32 = 0; i < elements_of(prm); i++)
      if (!load<u32>(<usize>load<u32>(prm, PRM_ADDRESS) + (i << 2))) return 0;
  }
  const length = param_show(prm, shown, 1024);
  store<u8>(shown + length - 1, 0);
  return <i32>shown;
}
