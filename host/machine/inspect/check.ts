// The integrity check: what in a domain's memory is inconsistent, one sentence each. Read from outside, so that it works on
// the dead as well; a domain is at rest (nobody calls into it) while it is checked.
//
// What it cannot see: a changed byte that nobody has a second opinion on, such as the contents of a disk.

import {
  DEV_CHECKSUM,
  DEV_EPOCH,
  DEV_SIZE,
  FILE_CLIENT,
  FILE_DEVICE,
  FILE_SIZE,
  NODE_SIZE,
} from '../../../kernel/abi/file.ts';
import { MAX_DEVICES, MAX_FILES, MAX_NODES, NAME_SIZE, MAX_SYMBOLS } from '../../../kernel/abi/limits.ts';
import { FNV_OFFSET, LOG_RECORDS } from '../../../kernel/abi/log.ts';
import {
  ABI_VERSION,
  M_ABI,
  M_DEVICES,
  M_FILES,
  M_MAGIC,
  M_MODULE_COUNT,
  M_NODES,
  M_SYMBOL_COUNT,
  M_SYMBOLS,
  M_TIMERS,
  MACHINE_MAGIC,
} from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE, MAX_CLIENTS, NULL_AREA_SIZE } from '../../../kernel/abi/map.ts';
import {
  MOD_BASE,
  MOD_CHECKSUM,
  MOD_INIT,
  MOD_NAME,
  SYM_HASH,
  SYM_NAME,
  SYM_OWNER,
} from '../../../kernel/abi/module.ts';
import { TIMER_NEXT, TIMER_OWNER, TIMER_PLACE } from '../../../kernel/abi/timer.ts';
import type { StaticData } from '../../domain/domain.ts';
import { checkHeap } from './check-heap.ts';
import { Findings, hex } from './findings.ts';
import { readDevices, readLog, readModules, readNodes, type DeviceEntry } from './lists.ts';
import { fnv, Memory } from '../shared/memory-view.ts';

/** More timers than these are a circle. */
const MAX_TIMERS = 100_000;

/**
 * Checks one domain's memory.
 *
 * @param statics the static data that was loaded into it, as it was then
 * @param kernel  whether it is the kernel's domain, which has a log
 */
export function checkMemory(
  wasm: WebAssembly.Memory,
  statics: readonly StaticData[],
  kernel: boolean,
): string[] {
  const memory = new Memory(wasm);
  const found = new Findings();
  const word = (offset: number): number => memory.u32(MACHINE_BASE + offset);
  if (word(M_MAGIC) !== MACHINE_MAGIC || word(M_ABI) !== ABI_VERSION) {
    found.add('machine block overwritten', hex(MACHINE_BASE));
    return found.sentences();
  }
  checkNull(memory, found);
  for (const data of statics) checkStatics(memory, data, found);
  checkLists(wasm, memory, found);
  checkTimers(wasm, memory, found);
  checkSymbols(memory, found);
  checkHeap(memory, found);
  checkFiles(memory, found);
  if (kernel) {
    const { records } = readLog(wasm);
    const whole = records.length;
    const written = Math.min(records.at(-1)?.sequence ?? 0, LOG_RECORDS);
    if (whole < written) found.add('log records damaged', `${written - whole}`);
  }
  return found.sentences();
}

function checkNull(memory: Memory, found: Findings): void {
  for (let at = 0; at < NULL_AREA_SIZE; at += 4) {
    if (memory.u32(at) !== 0) found.add('write through a null pointer', hex(at));
  }
}

/** Bytes that were not zero when they were loaded are constants, but for the globals at the front. */
function checkStatics(memory: Memory, { name, base, bytes, globals }: StaticData, found: Findings): void {
  for (let i = globals; i < bytes.length; i++) {
    if (bytes[i] === 0 || memory.u8(base + i) === bytes[i]) continue;
    found.add(`static data of ${name} changed`, hex(base + i));
    i |= 3;
  }
}

function checkLists(wasm: WebAssembly.Memory, memory: Memory, found: Findings): void {
  const modules = readModules(wasm);
  if (modules.length !== memory.u32(MACHINE_BASE + M_MODULE_COUNT)) {
    found.add(
      'module list broken',
      `${modules.length} of ${memory.u32(MACHINE_BASE + M_MODULE_COUNT)} modules reached`,
    );
  }
  for (const { address, name, references } of modules) {
    const place = fnv(memory, address + MOD_BASE, MOD_INIT - MOD_BASE);
    if (fnv(memory, address + MOD_NAME, NAME_SIZE, place) !== memory.u32(address + MOD_CHECKSUM)) {
      found.add('struct module changed', `${name} at ${hex(address)}`);
    } else if (references < 0) {
      found.add('reference count below zero', name);
    }
  }
  const checkEntries = (kind: string, entries: DeviceEntry[]): void => {
    for (const { address, name, module } of entries) {
      if (fnv(memory, address, DEV_CHECKSUM) !== memory.u32(address + DEV_CHECKSUM)) {
        found.add(`${kind} entry changed`, `${name} at ${hex(address)}`);
      } else if (module !== 0 && !modules.some((mod) => mod.address === module)) {
        found.add(`${kind} without a module`, name);
      }
    }
  };
  checkEntries('device', readDevices(wasm));
  checkEntries('file', readNodes(wasm));
}

/** Each timer is pointed to by the one before it, and its owner is loaded. */
function checkTimers(wasm: WebAssembly.Memory, memory: Memory, found: Findings): void {
  const modules = readModules(wasm).map(({ address }) => address);
  let place = MACHINE_BASE + M_TIMERS;
  for (let count = 0; memory.u32(place) !== 0; count++) {
    const timer = memory.u32(place);
    const owner = memory.u32(timer + TIMER_OWNER);
    const known = owner === 0 || modules.includes(owner);
    if (memory.u32(timer + TIMER_PLACE) !== place || !known || count > MAX_TIMERS) {
      found.add('list of timers broken', hex(timer));
      return;
    }
    place = timer + TIMER_NEXT;
  }
}

function checkSymbols(memory: Memory, found: Findings): void {
  const table = memory.u32(MACHINE_BASE + M_SYMBOLS);
  const count = memory.u32(MACHINE_BASE + M_SYMBOL_COUNT);
  if (count > MAX_SYMBOLS) return found.add('symbol table broken', `${count} symbols`);
  let before = 0;
  for (let place = 0; place < count; place++) {
    const hash = memory.u32(table + place * 8);
    const entry = memory.u32(table + place * 8 + 4);
    if (hash < before) found.add('symbol table out of order', `place ${place}`);
    before = hash;
    let length = 0;
    while (length < NAME_SIZE && memory.u8(entry + SYM_NAME + length) !== 0) length++;
    const right = fnv(memory, entry + SYM_NAME, length, FNV_OFFSET) === hash;
    if (!right || hash !== memory.u32(entry + SYM_HASH) || memory.u32(entry + SYM_OWNER) >= memory.size)
      found.add('symbol entry changed', hex(entry));
  }
}

const isEntry = (offset: number, size: number, count: number): boolean =>
  offset >= 0 && offset < size * count && offset % size === 0;

function checkFiles(memory: Memory, found: Findings): void {
  const files = memory.u32(MACHINE_BASE + M_FILES);
  const devices = memory.u32(MACHINE_BASE + M_DEVICES);
  const nodes = memory.u32(MACHINE_BASE + M_NODES);
  for (let i = 0; i < MAX_FILES; i++) {
    const file = files + i * FILE_SIZE;
    const client = memory.u32(file + FILE_CLIENT);
    if (client === 0) continue;
    const record = memory.u32(file + FILE_DEVICE);
    const known =
      isEntry(record - devices, DEV_SIZE, MAX_DEVICES) || isEntry(record - nodes, NODE_SIZE, MAX_NODES);
    if (client > MAX_CLIENTS || !known || memory.u32(record + DEV_EPOCH) === 0) {
      found.add('open file changed', hex(file));
    }
  }
}
