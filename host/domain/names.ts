// The names that /proc/kallsyms shows of a file: every function that the file's name section knows, and the data that it
// exports, as the table that the kernel keeps (kernel/abi/module.ts: kallsyms).

import type { ModuleFile } from '../linker/module/module-file.ts';
import {
  KALLSYM_NAME,
  KALLSYM_OFFSET,
  KALLSYM_SIZE,
  KALLSYM_TYPE,
  KALLSYMS_COUNT,
  KALLSYMS_ENTRIES,
} from '../../kernel/abi/module.ts';

const encoder = new TextEncoder();
/** A name longer than this is cut: a C++ template's is no help to anybody. */
const LONGEST = 127;

/** The table for a file. Offsets of functions are from the file's beginning, of data from the memory base. */
export function namesOf(file: ModuleFile): Uint8Array {
  const exported = new Map(file.symbols.map((symbol) => [symbol.name, symbol]));
  const entries = file.functions.map(({ name, start }) => {
    const global = exported.has(name) && !exported.get(name)!.data;
    return { offset: start, type: global ? 'T' : 't', name };
  });
  for (const { name, value, kind } of file.exports) {
    if (kind === 'global' && value !== null)
      entries.push({ offset: value, type: exported.get(name)?.data ? 'D' : 'd', name });
  }
  const texts = entries.map(({ name }) => encoder.encode(name).subarray(0, LONGEST));
  let at = KALLSYMS_ENTRIES + entries.length * KALLSYM_SIZE;
  const table = new Uint8Array(at + texts.reduce((sum, text) => sum + text.length + 1, 0));
  const view = new DataView(table.buffer);
  view.setUint32(KALLSYMS_COUNT, entries.length, true);
  entries.forEach(({ offset, type }, i) => {
    const entry = KALLSYMS_ENTRIES + i * KALLSYM_SIZE;
    view.setUint32(entry + KALLSYM_OFFSET, offset, true);
    view.setUint32(entry + KALLSYM_NAME, at, true);
    view.setUint8(entry + KALLSYM_TYPE, type.charCodeAt(0));
    table.set(texts[i]!, at);
    at += texts[i]!.length + 1;
  });
  return table;
}
