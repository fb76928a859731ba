// Reads the data store (kernel/ipc/store.ts) from outside the kernel.

import { NAME_SIZE } from '../../../kernel/abi/limits.ts';
import { M_STORE } from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../../kernel/abi/map.ts';
import {
  ST_KEY,
  ST_LENGTH,
  ST_NEXT,
  ST_OLD_LENGTH,
  ST_OLD_TAG,
  ST_OWNER,
  ST_TYPE,
  ST_VALUE,
  ST_VERSION,
  STORE_KEY_SIZE,
  STORE_MAX,
  STORE_RANGE,
} from '../../../kernel/abi/store.ts';
import { Memory } from './memory-view.ts';

/** An entry of the data store; its value is not read. */
export interface StoreEntry {
  owner: string;
  key: string;
  /** STORE_… */
  type: number;
  version: number;
  /** The address of a range that the living driver has published; else 0. */
  address: number;
  /** In bytes; of a range that only the predecessor has published, the predecessor's. */
  length: number;
  /** The tag of the predecessor in whose memory a range lies. */
  oldTag: number;
}

export function readStore(kernel: WebAssembly.Memory): StoreEntry[] {
  const memory = new Memory(kernel);
  const entries: StoreEntry[] = [];
  let entry = memory.u32(MACHINE_BASE + M_STORE);
  while (entry !== 0 && entries.length < STORE_MAX) {
    const type = memory.u32(entry + ST_TYPE);
    entries.push({
      owner: memory.text(entry + ST_OWNER, NAME_SIZE),
      key: memory.text(entry + ST_KEY, STORE_KEY_SIZE),
      type,
      version: memory.u32(entry + ST_VERSION),
      address: type === STORE_RANGE ? memory.u32(entry + ST_VALUE) : 0,
      length: memory.u32(entry + ST_LENGTH) || memory.u32(entry + ST_OLD_LENGTH),
      oldTag: memory.u32(entry + ST_OLD_TAG),
    });
    entry = memory.u32(entry + ST_NEXT);
  }
  return entries;
}

/** The address range that contains all ranges of a living driver; null where it has published none. */
export function readRanges(kernel: WebAssembly.Memory, owner: string): { from: number; to: number } | null {
  const ranges = readStore(kernel).filter((entry) => entry.owner === owner && entry.type === STORE_RANGE);
  if (ranges.length === 0) return null;
  const from = Math.min(...ranges.map(({ address }) => address));
  return { from, to: Math.max(...ranges.map(({ address, length }) => address + length)) };
}
