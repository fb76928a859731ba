// Reading a kernel's or a domain's memory from outside: log, lists, counters. The kernel may be dead or damaged, so every
// pointer is checked and every walk is bounded; nothing here throws and nothing is written.

import {
  DEV_ENDPOINT,
  DEV_MAJOR,
  DEV_MODULE,
  DEV_NAME,
  DEV_SIZE,
  NODE_MODULE,
  NODE_SIZE,
  NODE_TYPE,
} from '../../../kernel/abi/file.ts';
import { MAX_DEVICES, MAX_MODULES, MAX_NODES, MAX_SYMBOLS, NAME_SIZE } from '../../../kernel/abi/limits.ts';
import {
  LOG_CHECKSUM,
  LOG_LENGTH,
  LOG_LEVEL,
  LOG_MICROSECONDS,
  LOG_RECORD_SIZE,
  LOG_RECORDS,
  LOG_SECONDS,
  LOG_SEQUENCE,
  LOG_TEXT,
  LOG_TEXT_MAX,
} from '../../../kernel/abi/log.ts';
import {
  M_BYTES_USED,
  M_DEVICES,
  M_MODULE_BYTES,
  M_MODULE_COUNT,
  M_MODULES,
  M_NODES,
  M_PAGES_FREE,
  M_SLOTS_FREE,
  M_SYMBOL_COUNT,
  M_TAINT,
  M_USES,
} from '../../../kernel/abi/machine.ts';
import { LOG_BASE, MACHINE_BASE } from '../../../kernel/abi/map.ts';
import {
  MOD_BASE,
  MOD_BYTES,
  MOD_ENDPOINT,
  MOD_FLAGS,
  MOD_GETS,
  MOD_KEPT,
  MOD_NAME,
  MOD_NEXT,
  MOD_REFERENCES,
  MOD_SIZE,
  MOD_STATE,
  MOD_STRUCT_SIZE,
  MOD_TABLE_BASE,
  MOD_TAINT,
  MOD_TEXT,
  USE_NEXT,
  USE_OWNER,
  USE_USER,
} from '../../../kernel/abi/module.ts';
import { TAINT_LETTERS } from '../../../kernel/abi/taint.ts';
import { fnv, Memory } from '../shared/memory-view.ts';
import type { Accounting, LogRecord, LogView } from '../shared/types.ts';

/** Whole records in order, and how many of those that were written since boot are damaged or overwritten. */
export function readLog(kernel: WebAssembly.Memory): LogView {
  const memory = new Memory(kernel);
  const records: LogRecord[] = [];
  for (let slot = 0; slot < LOG_RECORDS; slot++) {
    const at = LOG_BASE + slot * LOG_RECORD_SIZE;
    const sequence = memory.u32(at + LOG_SEQUENCE);
    const length = memory.u8(at + LOG_LENGTH);
    if (sequence === 0 || (sequence - 1) % LOG_RECORDS !== slot || length > LOG_TEXT_MAX) continue;
    const sum = fnv(memory, at + LOG_TEXT, length, fnv(memory, at, LOG_CHECKSUM));
    if (sum !== memory.u32(at + LOG_CHECKSUM)) continue;
    records.push({
      sequence,
      time: memory.u32(at + LOG_SECONDS) + memory.u32(at + LOG_MICROSECONDS) / 1e6,
      level: memory.u8(at + LOG_LEVEL) & 7,
      text: memory.text(at + LOG_TEXT, length),
    });
  }
  records.sort((a, b) => a.sequence - b.sequence);
  return { records, lost: (records.at(-1)?.sequence ?? 0) - records.length };
}

export interface ModuleEntry {
  address: number;
  name: string;
  state: number;
  size: number;
  references: number;
  base: number;
  bytes: number;
  /** Bytes that the domain keeps of what its file declares. */
  kept: number;
  tableBase: number;
  /** Channel + 1, 0 in this domain. */
  endpoint: number;
  /** Bits of the taints that it gave the kernel. */
  taint: number;
  /** MODULE_AUTOLOADED. */
  flags: number;
  /** References taken since it was loaded. */
  gets: number;
  /** Where its code begins in the text addresses, 0 where it has none. */
  text: number;
}

/** The module list, newest first, as far as it can be followed. */
export function readModules(domain: WebAssembly.Memory): ModuleEntry[] {
  const memory = new Memory(domain);
  const entries: ModuleEntry[] = [];
  const seen = new Set<number>();
  let mod = memory.u32(MACHINE_BASE + M_MODULES);
  while (mod !== 0 && mod + MOD_STRUCT_SIZE <= memory.size && !seen.has(mod) && seen.size < MAX_MODULES) {
    seen.add(mod);
    entries.push({
      address: mod,
      name: memory.text(mod + MOD_NAME, NAME_SIZE),
      state: memory.u32(mod + MOD_STATE),
      size: memory.u32(mod + MOD_SIZE),
      references: memory.u32(mod + MOD_REFERENCES) | 0,
      base: memory.u32(mod + MOD_BASE),
      bytes: memory.u32(mod + MOD_BYTES),
      kept: memory.u32(mod + MOD_KEPT),
      tableBase: memory.u32(mod + MOD_TABLE_BASE),
      endpoint: memory.u32(mod + MOD_ENDPOINT),
      taint: memory.u32(mod + MOD_TAINT),
      flags: memory.u32(mod + MOD_FLAGS),
      gets: memory.u32(mod + MOD_GETS),
      text: memory.u32(mod + MOD_TEXT),
    });
    mod = memory.u32(mod + MOD_NEXT);
  }
  return entries;
}

/** The names of those that use a module's symbols, the latest first, by its address. */
export function readUsers(domain: WebAssembly.Memory): Map<number, string[]> {
  const memory = new Memory(domain);
  const users = new Map<number, string[]>();
  const seen = new Set<number>();
  let use = memory.u32(MACHINE_BASE + M_USES);
  while (use !== 0 && !seen.has(use) && seen.size < MAX_SYMBOLS) {
    seen.add(use);
    const owner = memory.u32(use + USE_OWNER);
    const name = memory.text(memory.u32(use + USE_USER) + MOD_NAME, NAME_SIZE);
    users.set(owner, [...(users.get(owner) ?? []), name]);
    use = memory.u32(use + USE_NEXT);
  }
  return users;
}

export interface DeviceEntry {
  address: number;
  name: string;
  major: number;
  endpoint: number;
  /** Address of its struct module. */
  module: number;
}

export function readDevices(domain: WebAssembly.Memory): DeviceEntry[] {
  const memory = new Memory(domain);
  const table = memory.u32(MACHINE_BASE + M_DEVICES);
  const entries: DeviceEntry[] = [];
  for (let i = 0; table !== 0 && i < MAX_DEVICES; i++) {
    const address = table + i * DEV_SIZE;
    const major = memory.u32(address + DEV_MAJOR);
    if (major === 0) continue;
    entries.push({
      address,
      name: memory.text(address + DEV_NAME, NAME_SIZE),
      major,
      endpoint: memory.u32(address + DEV_ENDPOINT),
      module: memory.u32(address + DEV_MODULE),
    });
  }
  return entries;
}

/** The nodes of the tree of files: /dev, /proc and what stands for /sys. */
export function readNodes(domain: WebAssembly.Memory): DeviceEntry[] {
  const memory = new Memory(domain);
  const table = memory.u32(MACHINE_BASE + M_NODES);
  const entries: DeviceEntry[] = [];
  for (let i = 0; table !== 0 && i < MAX_NODES; i++) {
    const address = table + i * NODE_SIZE;
    if (memory.u32(address + NODE_TYPE) === 0) continue;
    entries.push({
      address,
      name: memory.text(address + DEV_NAME, NAME_SIZE),
      major: memory.u32(address + DEV_MAJOR),
      endpoint: memory.u32(address + DEV_ENDPOINT),
      module: memory.u32(address + NODE_MODULE),
    });
  }
  return entries;
}

export function readAccounting(domain: WebAssembly.Memory): Accounting {
  const memory = new Memory(domain);
  const word = (offset: number): number => memory.u32(MACHINE_BASE + offset);
  return {
    pagesFree: word(M_PAGES_FREE),
    slotsFree: word(M_SLOTS_FREE),
    bytesUsed: word(M_BYTES_USED),
    moduleBytes: word(M_MODULE_BYTES),
    symbols: word(M_SYMBOL_COUNT),
    modules: word(M_MODULE_COUNT),
  };
}

/** Linux's letters for the bits of a taint; empty for a clean kernel. */
export function taintLetters(bits: number): string {
  return [...TAINT_LETTERS].filter((_, bit) => bits & (1 << bit)).join('');
}

/** The taint of a kernel, in letters. */
export function readTaint(kernel: WebAssembly.Memory): string {
  return taintLetters(new Memory(kernel).u32(MACHINE_BASE + M_TAINT));
}
