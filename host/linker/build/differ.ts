// Compares two builds of one source at different bases: what differs is an address, or cannot be relocated.
//
// An i32.const, a constant in a global and an aligned word of data may differ, by exactly the step of the memory base or
// of the table base. Any other difference is a refusal at that place. The result speaks of the first build: where its
// addresses stand and which offset from its base each is.

import type { Base } from './bases.ts';
import { InstructionCursor, skipLocals } from '../wasm/instructions.ts';
import { OP } from '../wasm/opcodes.ts';
import type { Sections, Span } from '../wasm/sections.ts';

export type AddressSpace = 'memory' | 'table';

export interface Address {
  space: AddressSpace;
  /** From the base. */
  offset: number;
}

/** An address in the code, a global or the data of the first build. */
export interface Relocation extends Address {
  /** Position of the i32.const or of the data word in the file. */
  at: number;
}

export interface Difference {
  reason: string;
  /** Position in the first build's file, where there is one. */
  at: number | null;
}

export interface Comparison {
  code: Relocation[];
  /** By the index among the module's own globals. */
  globals: Map<number, Address>;
  data: Relocation[];
  differences: Difference[];
}

const COMPUTED =
  'an address is masked, compared, negated, shifted, multiplied or hashed: the result depends on where it lies';

/** The address that two values are, null when they are none, undefined when they are equal. */
function addressOf(a: number, b: number, bases: Pair): Address | null | undefined {
  if (a === b) return undefined;
  const step = (a - b) >>> 0;
  if (step === (bases.a.memory - bases.b.memory) >>> 0)
    return { space: 'memory', offset: (a - bases.a.memory) | 0 };
  if (step === (bases.a.table - bases.b.table) >>> 0)
    return { space: 'table', offset: (a - bases.a.table) | 0 };
  return null;
}

interface Pair {
  a: Base;
  b: Base;
}

function sameBytes(a: Uint8Array, from: Span, b: Uint8Array, to: Span): boolean {
  if (from.end - from.start !== to.end - to.start) return false;
  for (let i = from.start, j = to.start; i < from.end; i++, j++) if (a[i] !== b[j]) return false;
  return true;
}

function immediateReason(kind: InstructionCursor['kind']): string {
  if (kind === 'i64') return 'an address is widened to 64 bits and computed with';
  if (kind === 'memory' || kind === 'lane') return 'an address is the fixed offset of a memory access';
  if (kind === 'bytes') return 'an address is turned into a floating point or vector number';
  if (kind === 'i32') return COMPUTED;
  return 'the code itself depends on where it lies';
}

/**
 * Compares two bodies instruction by instruction. `loose` leaves indices out, for modules whose functions are numbered
 * differently: then only places are looked for, no relocations.
 */
export function compareBodies(
  a: Sections,
  left: Span,
  b: Sections,
  right: Span,
  bases: Pair,
  to: Comparison,
  loose = false,
): void {
  if (sameBytes(a.bytes, left, b.bytes, right)) return;
  const x = new InstructionCursor(a.bytes, skipLocals(a.bytes, left.start, left.end), left.end);
  const y = new InstructionCursor(b.bytes, skipLocals(b.bytes, right.start, right.end), right.end);
  while (x.step()) {
    if (!y.step() || x.opcode !== y.opcode || x.code !== y.code) {
      to.differences.push({ reason: COMPUTED, at: x.start });
      return;
    }
    if (x.kind === 'i32') {
      const address = addressOf(x.value, y.value, bases);
      if (address) to.code.push({ ...address, at: x.start });
      else if (address === null) to.differences.push({ reason: COMPUTED, at: x.start });
    } else if (
      x.kind !== 'none' &&
      !(loose && (x.kind === 'index' || x.kind === 'indices' || x.kind === 'block'))
    ) {
      const same = sameBytes(a.bytes, { start: x.immediates, end: x.next }, b.bytes, {
        start: y.immediates,
        end: y.next,
      });
      if (!same) to.differences.push({ reason: immediateReason(x.kind), at: x.start });
    }
  }
  if (y.step()) to.differences.push({ reason: COMPUTED, at: x.start });
}

function compareGlobals(a: Sections, b: Sections, bases: Pair, to: Comparison): void {
  a.globals.forEach((global, index) => {
    const other = b.globals[index]!;
    const same =
      global.type === other.type &&
      global.mutable === other.mutable &&
      global.init.opcode === other.init.opcode;
    if (!same) to.differences.push({ reason: 'a global depends on where the module lies', at: null });
    else if (global.init.opcode === OP.i32Const) {
      const address = addressOf(global.init.value, other.init.value, bases);
      if (address) to.globals.set(index, address);
      else if (address === null) to.differences.push({ reason: `a global: ${COMPUTED}`, at: null });
    } else if (!sameBytes(a.bytes, global.init, b.bytes, other.init)) {
      to.differences.push({ reason: 'a global holds an address that is no 32-bit number', at: null });
    }
  });
}

function compareData(a: Sections, b: Sections, bases: Pair, to: Comparison): void {
  const moved = bases.a.memory - bases.b.memory;
  a.data.forEach((segment, index) => {
    const other = b.data[index]!;
    const length = segment.end - segment.start;
    if (!segment.offset || !other.offset || other.end - other.start !== length) {
      to.differences.push({ reason: 'static data depends on where it lies', at: null });
      return;
    }
    if (segment.offset.value - other.offset.value !== moved) {
      to.differences.push({ reason: 'static data is laid out differently elsewhere', at: null });
      return;
    }
    compareWords(a, segment, b, other, segment.offset.value, bases, to);
  });
}

/** Words are looked for at addresses that are multiples of 4. */
function compareWords(
  a: Sections,
  left: Span,
  b: Sections,
  right: Span,
  address: number,
  bases: Pair,
  to: Comparison,
): void {
  const x = new DataView(a.bytes.buffer, a.bytes.byteOffset);
  const y = new DataView(b.bytes.buffer, b.bytes.byteOffset);
  const shift = right.start - left.start;
  for (let at = left.start; at < left.end;) {
    if (a.bytes[at] === b.bytes[at + shift]) {
      at++;
      continue;
    }
    const word = at - ((address + at - left.start) & 3);
    const whole = word >= left.start && word + 4 <= left.end;
    const found = whole ? addressOf(x.getUint32(word, true), y.getUint32(word + shift, true), bases) : null;
    if (!found) {
      const offset = address + at - left.start - bases.a.memory;
      to.differences.push({
        reason: `static data at offset ${offset} holds an address that is no aligned 32-bit word`,
        at: null,
      });
      return;
    }
    to.data.push({ ...found, at: word });
    at = word + 4;
  }
}

/** Whether two builds have the same shape: then their parts can be compared one by one. */
export function sameShape(a: Sections, b: Sections): boolean {
  const shape = (s: Sections): string =>
    JSON.stringify([
      s.types,
      s.imports.map((i) => (i.kind === 'table' ? i.name : i)),
      s.functions,
      s.exports,
      s.start,
      s.globals.map((g) => [g.type, g.mutable]),
      s.elements.map((e) => e.functions),
      s.data.length,
    ]);
  return shape(a) === shape(b);
}

/** Compares two builds of the same shape. */
export function compare(a: Sections, b: Sections, bases: Pair): Comparison {
  const to: Comparison = { code: [], globals: new Map(), data: [], differences: [] };
  a.bodies.forEach((body, index) => compareBodies(a, body, b, b.bodies[index]!, bases, to));
  compareGlobals(a, b, bases, to);
  compareData(a, b, bases, to);
  return to;
}
