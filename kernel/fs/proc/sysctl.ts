// /proc/sys/kernel: variables of the kernel as files. A value is read and checked completely before anything is changed. A value
// that is no number, or is out of the variable's range, is EINVAL.

import { MACHINE_BASE } from '../../abi/map';
import {
  M_CONSOLE_LEVEL,
  M_MODULE_IDLE_SECS,
  M_MODULES_DISABLED,
  M_OOPS_LIMIT,
  M_PANIC_ON_OOPS,
  M_PANIC_ON_WARN,
  M_REQUEST_MODULE,
  M_TAINT,
  M_TRACE_LEVEL,
} from '../../abi/machine';
import { FOPS_LLSEEK, FOPS_OPEN, FOPS_READ, FOPS_RELEASE, FOPS_SIZE, FOPS_WRITE } from '../../abi/file';
import { SEQ_PRIVATE } from '../../abi/seq';
import { EFAULT, EINVAL } from '../../abi/errno';
import { cstr } from '../../lib/cstr';
import { index_of } from '../../lib/function';
import { number_base, strscpy } from '../../lib/text';
import { version_text } from './kernel-files';
import { pde_data, proc_create_data, proc_mkdir } from './proc';
import { seq, seq_lseek, seq_putc, seq_read, single_open, single_release } from './seq';
import { from_user } from '../usercopy';

// The kinds of variables.
/** A text. */
const TEXT = 0;
/** A number between the limits. */
const NUMBER = 1;
/** Bits that can be set and not cleared. */
const BITS = 2;
/** Four numbers. */
const LEVELS = 3;

// entry: kind, address, least, most
const CT_KIND = 0;
const CT_ADDRESS = 4;
const CT_LEAST = 8;
const CT_MOST = 12;
const CT_SIZE = 16;

const MAX_ENTRIES = 16;
/** Bytes of a text with its NUL. */
const TEXT_SIZE = 65;
/** Bytes that can be written at once. */
const LINE_SIZE = 128;

const entries = memory.data(MAX_ENTRIES * CT_SIZE);
let count = 0;
const hostname = memory.data(TEXT_SIZE);
/** The other numbers of printk: default message level, minimum and default console level. They are stored and have no effect. */
const levels = memory.data(16);
const fops = memory.data(FOPS_SIZE);
const line = memory.data(LINE_SIZE);

function add(
  directory: usize,
  name: usize,
  mode: u32,
  kind: u32,
  address: usize,
  least: u32,
  most: u32,
): void {
  const entry = entries + count++ * CT_SIZE;
  store<u32>(entry, kind, CT_KIND);
  store<u32>(entry, <u32>address, CT_ADDRESS);
  store<u32>(entry, least, CT_LEAST);
  store<u32>(entry, most, CT_MOST);
  proc_create_data(name, mode, directory, fops, entry);
}

export function sysctl_init(): void {
  store<u32>(fops, index_of(open), FOPS_OPEN);
  store<u32>(fops, index_of(seq_read), FOPS_READ);
  store<u32>(fops, index_of(write), FOPS_WRITE);
  store<u32>(fops, index_of(seq_lseek), FOPS_LLSEEK);
  store<u32>(fops, index_of(single_release), FOPS_RELEASE);
  strscpy(hostname, cstr('isolab'), TEXT_SIZE);
  store<u32>(MACHINE_BASE, 10000, M_OOPS_LIMIT);
  store<u32>(MACHINE_BASE, 7, M_CONSOLE_LEVEL);
  store<u32>(MACHINE_BASE, 1, M_REQUEST_MODULE);
  store<u32>(MACHINE_BASE, 60, M_MODULE_IDLE_SECS);
  store<u32>(levels, 4, 4);
  store<u32>(levels, 1, 8);
  store<u32>(levels, 7, 12);
  const kernel = proc_mkdir(cstr('kernel'), proc_mkdir(cstr('sys'), 0));
  add(kernel, cstr('ostype'), 0o444, TEXT, cstr('isolab'), 0, 0);
  add(kernel, cstr('osrelease'), 0o444, TEXT, version_text, 0, 0);
  add(kernel, cstr('version'), 0o444, TEXT, cstr('#1 SMP wasm32'), 0, 0);
  add(kernel, cstr('hostname'), 0o644, TEXT, hostname, 0, 0);
  add(kernel, cstr('tainted'), 0o644, BITS, MACHINE_BASE + M_TAINT, 0, 0x7ffff);
  add(kernel, cstr('panic_on_oops'), 0o644, NUMBER, MACHINE_BASE + M_PANIC_ON_OOPS, 0, 1);
  add(kernel, cstr('panic_on_warn'), 0o644, NUMBER, MACHINE_BASE + M_PANIC_ON_WARN, 0, 1);
  add(kernel, cstr('oops_limit'), 0o644, NUMBER, MACHINE_BASE + M_OOPS_LIMIT, 0, 0x7fffffff);
  add(kernel, cstr('printk'), 0o644, LEVELS, MACHINE_BASE + M_CONSOLE_LEVEL, 0, 15);
  // It can only be set to 1, and not back, as in Linux.
  add(kernel, cstr('modules_disabled'), 0o644, NUMBER, MACHINE_BASE + M_MODULES_DISABLED, 1, 1);
  add(kernel, cstr('request_module'), 0o644, NUMBER, MACHINE_BASE + M_REQUEST_MODULE, 0, 1);
  add(kernel, cstr('module_idle_secs'), 0o644, NUMBER, MACHINE_BASE + M_MODULE_IDLE_SECS, 0, 86400);
  add(kernel, cstr('trace'), 0o644, NUMBER, MACHINE_BASE + M_TRACE_LEVEL, 0, 1);
}

function open(file: usize): i32 {
  return single_open(file, index_of(show), pde_data(file));
}

function show(m: usize, _v: usize): i32 {
  const entry = <usize>load<u32>(m, SEQ_PRIVATE);
  const kind = load<u32>(entry, CT_KIND);
  const address = <usize>load<u32>(entry, CT_ADDRESS);
  if (kind == TEXT) {
    seq(m, cstr('%s\n'), address);
  } else if (kind == LEVELS) {
    seq(m, cstr('%u'), load<u32>(address));
    for (let i = 1; i < 4; i++) seq(m, cstr('\t%u'), load<u32>(levels + (i << 2)));
    seq_putc(m, 0x0a);
  } else {
    seq(m, cstr('%u\n'), load<u32>(address));
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function blank(letter: u32): bool {
  return letter == 0x20 || letter == 0x09 || letter == 0x0a;
}

let at: usize = 0;

/** Reads the next number of the line, hexadecimal after 0x, octal after 0. @returns it, or -1 where there is none in the range */
function take_number(most: u32): i64 {
  while (blank(load<u8>(at))) at++;
  const base = number_base(at);
  if (base == 16) at += 2;
  let value: u64 = 0;
  const from = at;
  for (; load<u8>(at) && !blank(load<u8>(at)); at++) {
    const letter: u32 = load<u8>(at);
    const digit: u32 = letter <= 0x39 ? letter - 0x30 : (letter | 0x20) - 0x57;
    if (digit >= <u32>base || (letter > 0x39 && (letter | 0x20) < 0x61)) return -1;
    value = value * base + digit;
    if (value > most) return -1;
  }
  return at == from ? -1 : <i64>value;
}

/** Whether the rest of the line is blank. */
function at_end(): bool {
  while (blank(load<u8>(at))) at++;
  return !load<u8>(at);
}

function write(file: usize, from: usize, size: i32, _position: usize): i32 {
  if (size >= LINE_SIZE) return -EINVAL;
  if (from_user(line, from, size)) return -EFAULT;
  store<u8>(line + size, 0);
  at = line;
  const entry = pde_data(file);
  const address = <usize>load<u32>(entry, CT_ADDRESS);
  const kind = load<u32>(entry, CT_KIND);
  if (kind == TEXT) return write_text(address, size);
  if (kind == LEVELS) return write_levels(address, load<u32>(entry, CT_MOST), size);
  const value = take_number(load<u32>(entry, CT_MOST));
  if (value < load<u32>(entry, CT_LEAST) || !at_end()) return -EINVAL;
  store<u32>(address, kind == BITS ? load<u32>(address) | (<u32>value) : <u32>value);
  return size;
}

/** One word of printable letters, as a host's name is. */
function write_text(address: usize, size: i32): i32 {
  let length = size;
  while (length && blank(load<u8>(line + length - 1))) length--;
  if (!length || length >= TEXT_SIZE) return -EINVAL;
  for (let i = 0; i < length; i++)
    if (load<u8>(line + i) <= 0x20 || load<u8>(line + i) >= 0x7f) return -EINVAL;
  memory.copy(address, line, length);
  store<u8>(address + length, 0);
  return size;
}

const given = memory.data(16);

/** Sets the levels. Fewer than four numbers set the first ones, as in Linux. */
function write_levels(address: usize, most: u32, size: i32): i32 {
  let numbers = 0;
  while (!at_end()) {
    const value = take_number(most);
    if (value < 0 || numbers == 4) return -EINVAL;
    store<u32>(given + (numbers++ << 2), <u32>value);
  }
  if (!numbers) return -EINVAL;
  store<u32>(address, load<u32>(given));
  for (let i = 1; i < numbers; i++) store<u32>(levels + (i << 2), load<u32>(given + (i << 2)));
  return size;
}
