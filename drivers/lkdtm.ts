// /dev/lkdtm: breaks on request, as Linux's Kernel Dump Test Module does. Reading lists the crash types, one a line; writing a
// name provokes it in the middle of that write. Each crash is an honest bug of a driver: nothing here knows which kernel it
// runs in or what will become of it.
//
// A provoked call holds an object of kmalloc, which a call that ends well gives back: what a dead call held is seen by that.

import {
  copy_from_user,
  copy_to_user,
  cstr,
  do_exit,
  EFAULT,
  EINVAL,
  ENOMEM,
  File,
  FileOperations,
  kfree,
  kmalloc,
  MODULE_ALIAS,
  MODULE_AUTHOR,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  operation,
  operations_at,
  pr_info,
  register_chrdev,
  unregister_chrdev,
} from './include';

MODULE_LICENSE('GPL');
MODULE_AUTHOR('isolab');
MODULE_DESCRIPTION('Crashes on request');
MODULE_ALIAS('devname:lkdtm');

const NAMES = cstr(
  'BUG\nACCESS_NULL\nWILD_WRITE\nLOOP\nEXHAUST_STACK\nEXHAUST_HEAP\nSLAB_FREE_DOUBLE\nWRITE_AFTER_FREE\nLIE_LENGTH\nLIE_STATUS\nEXIT\n',
);

const fops: FileOperations = operations_at(memory.data(28));
const wanted = memory.data(64);
let major: u32 = 0;
/** Keeps loops and recursions from being nothing. */
let sink: u32 = 0;
let seed: u32 = 0x9e3779b9;

function length_of(text: usize): i32 {
  let end = text;
  while (load<u8>(end)) end++;
  return <i32>(end - text);
}

function is(name: usize): bool {
  let at: usize = 0;
  while (load<u8>(name + at) && load<u8>(name + at) == load<u8>(wanted + at)) at++;
  return load<u8>(name + at) == load<u8>(wanted + at);
}

/** xorshift32 (Marsaglia 2003): the same wild addresses in every run. */
function random(): u32 {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

function lkdtm_BUG(): void {
  unreachable();
}

function lkdtm_ACCESS_NULL(): void {
  store<u32>(0, 0xdeadbeef);
}

/** One word in every 4 KiB of whatever memory this is. */
function lkdtm_WILD_WRITE(): void {
  const end = (<usize>memory.size()) << 16;
  for (let page: usize = 0; page < end; page += 4096) store<u32>(page + (random() & 0xffc), 0xdeadbeef);
}

function lkdtm_LOOP(): void {
  while (true) sink++;
}

function recurse(depth: u32): u32 {
  sink = depth;
  return recurse(depth + 1) + sink;
}

function lkdtm_EXHAUST_STACK(): void {
  sink = recurse(0);
}

/** Takes all memory there is, in ever smaller pieces, and keeps it. */
function lkdtm_EXHAUST_HEAP(): i32 {
  for (let size: usize = 1 << 20; size >= 16; size >>= 1) while (kmalloc(size)) sink++;
  return -ENOMEM;
}

function lkdtm_SLAB_FREE_DOUBLE(): void {
  const object = kmalloc(64);
  kfree(object);
  kfree(object);
}

function lkdtm_WRITE_AFTER_FREE(): void {
  const object = kmalloc(64);
  kfree(object);
  store<u32>(object, 0xdeadbeef, 16);
}

/** @returns what the write answers: `count` where the crash type left the driver whole */
function provoke(count: i32): i32 {
  if (is(cstr('BUG'))) lkdtm_BUG();
  else if (is(cstr('ACCESS_NULL'))) lkdtm_ACCESS_NULL();
  else if (is(cstr('WILD_WRITE'))) lkdtm_WILD_WRITE();
  else if (is(cstr('LOOP'))) lkdtm_LOOP();
  else if (is(cstr('EXHAUST_STACK'))) lkdtm_EXHAUST_STACK();
  else if (is(cstr('EXHAUST_HEAP'))) return lkdtm_EXHAUST_HEAP();
  else if (is(cstr('SLAB_FREE_DOUBLE'))) lkdtm_SLAB_FREE_DOUBLE();
  else if (is(cstr('WRITE_AFTER_FREE'))) lkdtm_WRITE_AFTER_FREE();
  else if (is(cstr('LIE_LENGTH'))) return count + 4096;
  else if (is(cstr('LIE_STATUS'))) return -77777;
  else if (is(cstr('EXIT'))) do_exit(1);
  else return -EINVAL;
  return count;
}

function lkdtm_read(file: File, to: usize, count: i32, position: usize): i32 {
  const at = load<u64>(position);
  const size = <u64>length_of(NAMES);
  const bytes = at >= size ? 0 : <i32>min<u64>(<u64>count, size - at);
  if (copy_to_user(to, NAMES + <usize>at, bytes)) return -EFAULT;
  store<u64>(position, at + bytes);
  return bytes;
}

function lkdtm_write(file: File, from: usize, count: i32, position: usize): i32 {
  if (count <= 0 || count >= 64) return -EINVAL;
  if (copy_from_user(wanted, from, count)) return -EFAULT;
  store<u8>(wanted + count, 0);
  if (load<u8>(wanted + count - 1) == 0x0a) store<u8>(wanted + count - 1, 0);
  const held = kmalloc(256);
  if (!held) return -ENOMEM;
  pr_info(cstr('lkdtm: Performing direct entry %s'), wanted);
  const status = provoke(count);
  kfree(held);
  return status;
}

export function init_module(): i32 {
  fops.read = operation(lkdtm_read);
  fops.write = operation(lkdtm_write);
  const status = register_chrdev(0, cstr('lkdtm'), fops);
  if (status < 0) return status;
  major = status;
  return 0;
}

export function cleanup_module(): void {
  unregister_chrdev(major, cstr('lkdtm'));
}
