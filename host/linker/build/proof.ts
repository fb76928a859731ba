// Proves the relocations of a build: applied to it for another base, they must give the third build byte for byte.
//
// Nothing is left out of the comparison: code, data, names and section sizes all count. This holds because asc numbers
// everything alike and the bases are chosen so that an address has LEBs of one length in both builds.

import type { Base } from './bases.ts';
import type { Comparison } from './differ.ts';
import type { Constant } from '../wasm/constant.ts';
import type { Sections } from '../wasm/sections.ts';

/** Writes a signed LEB of a fixed number of bytes. */
function patchSigned(bytes: Uint8Array, start: number, end: number, value: number): void {
  let rest = value;
  for (let at = start; at < end - 1; at++) {
    bytes[at] = (rest & 0x7f) | 0x80;
    rest >>= 7;
  }
  bytes[end - 1] = rest & 0x7f;
}

function patchUnsigned(bytes: Uint8Array, start: number, end: number, value: number): void {
  let rest = value >>> 0;
  for (let at = start; at < end - 1; at++) {
    bytes[at] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[end - 1] = rest & 0x7f;
}

/** Length of a LEB in the file. */
function lebEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  while (bytes[end++]! & 0x80);
  return end;
}

/** The build as it would be at another base. */
export function relocated(main: Sections, found: Comparison, from: Base, to: Base): Uint8Array {
  const bytes = main.bytes.slice();
  const view = new DataView(bytes.buffer);
  const value = (address: { space: keyof Base; offset: number }): number =>
    to[address.space] + address.offset;
  const constant = (init: Constant, step: number): void =>
    patchSigned(bytes, init.start + 1, init.end, init.value + step);

  for (const relocation of found.code) {
    patchSigned(bytes, relocation.at + 1, lebEnd(bytes, relocation.at + 1), value(relocation));
  }
  for (const [index, address] of found.globals) {
    const { init } = main.globals[index]!;
    patchSigned(bytes, init.start + 1, init.end, value(address));
  }
  for (const relocation of found.data) view.setUint32(relocation.at, value(relocation), true);
  for (const segment of main.data) if (segment.offset) constant(segment.offset, to.memory - from.memory);
  for (const segment of main.elements) constant(segment.offset, to.table - from.table);
  const { start, end } = main.tableMinimum;
  const table = main.imports.find((entry) => entry.kind === 'table');
  if (table?.kind === 'table' && end > start) {
    patchUnsigned(bytes, start, lebEnd(bytes, start), table.limits.minimum + to.table - from.table);
  }
  return bytes;
}

/** The first byte at which two files differ, or -1. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return a.length === b.length ? -1 : length;
}
