// Damage in code that stays valid: an instruction becomes another one that takes and leaves the same, or something is put
// between two. The operators follow MINIX's swifi where WebAssembly has the like: a wrong operator, a wrong constant, a wrong
// address, a store or a branch that is missing, a condition turned round, a wrong variable, a stop, an endless loop.

import { InstructionCursor, skipLocals } from '../linker/wasm/instructions.ts';
import {
  importedCount,
  readSections,
  signatureOf,
  type Sections,
  type Span,
} from '../linker/wasm/sections.ts';
import { leb, moduleFields, replaced, sleb, type Damage, type Field } from './fields.ts';
import type { Random } from './random.ts';

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Opcodes of one type each: one may stand for another. */
const ALIKE: readonly (readonly number[])[] = [
  [...range(0x46, 0x4f), ...range(0x6a, 0x78)], // (i32, i32) → i32
  [0x45, ...range(0x67, 0x69), 0xc0, 0xc1], // i32 → i32
  range(0x51, 0x5a), // (i64, i64) → i32
  range(0x7c, 0x8a), // (i64, i64) → i64
  [...range(0x79, 0x7b), ...range(0xc2, 0xc4)], // i64 → i64
  range(0x5b, 0x60), // (f32, f32) → i32
  range(0x61, 0x66), // (f64, f64) → i32
  range(0x92, 0x98), // (f32, f32) → f32
  range(0xa0, 0xa6), // (f64, f64) → f64
  range(0x8b, 0x91), // f32 → f32
  range(0x99, 0x9f), // f64 → f64
  [0xac, 0xad], // i32 → i64
];
const MEMORY_I32_LOADS = [0x28, 0x2c, 0x2d, 0x2e, 0x2f];
const I32_STORES = [0x36, 0x3a, 0x3b];
/** log2 of the greatest alignment that an access may announce. */
const NATURAL: Readonly<Record<number, number>> = {
  ...{ 0x28: 2, 0x2c: 0, 0x2d: 0, 0x2e: 1, 0x2f: 1, 0x36: 2, 0x3a: 0, 0x3b: 1 },
};
const STORES = range(0x36, 0x3e);
const UNREACHABLE = 0x00;
const NOP = 0x01;
const IF = 0x04;
const BR_IF = 0x0d;
const CALL = 0x10;
const DROP = 0x1a;
const LOCAL_GET = 0x20;
const I32_CONST = 0x41;
const EQZ = 0x45;
/** `loop; br 0; end` */
const ENDLESS = [0x03, 0x40, 0x0c, 0x00, 0x0b];

/** What was there, and what may stand in its place. */
interface Choice {
  start: number;
  end: number;
  piece: number[];
  what: string;
}

/** One of the bodies, changed in one place. */
export function mutateCode(bytes: Uint8Array, random: Random): Damage {
  const sections = readSections(bytes);
  if (sections.bodies.length === 0) return null;
  const bodies = sections.bodies.map((_, index) => index);
  const own = random.pick(bodies);
  const body = sections.bodies[own]!;
  const choices = choicesIn(bytes, sections, body, own, random);
  // Each kind of change is as likely as any other, however often there is an opportunity for it.
  const kinds = [...new Set(choices.map(({ what }) => kindOf(what)))];
  const kind = random.pick(kinds);
  const chosen = random.pick(choices.filter(({ what }) => kindOf(what) === kind));
  const field = moduleFields(bytes).find((each) => each.what === `length of body ${own}`);
  if (!field) return null;
  return {
    bytes: replaced(bytes, chosen, Uint8Array.from(chosen.piece), [...field.within, lengthOf(field)]),
    description: `function ${own + importedCount(sections, 'function')} at 0x${chosen.start.toString(16)}: ${chosen.what}`,
  };
}

const kindOf = (what: string): string => what.split(':')[0] ?? '';

const lengthOf = ({ start, end, value }: Field): { start: number; end: number; value: number } => ({
  ...{ start, end, value },
});

function choicesIn(bytes: Uint8Array, sections: Sections, body: Span, own: number, random: Random): Choice[] {
  const choices: Choice[] = [];
  const hasMemory = sections.imports.some(({ kind }) => kind === 'memory');
  const locals = localTypes(bytes, sections, body, own);
  const cursor = new InstructionCursor(bytes, skipLocals(bytes, body.start, body.end), body.end);
  while (cursor.step()) {
    const { start, next } = cursor;
    const add = (what: string, piece: number[], end = next): void =>
      void choices.push({ start, end, piece, what });
    if (next === body.end) break; // the body's own end
    add('stop: unreachable before it', [UNREACHABLE], start);
    add('loop: an endless one before it', ENDLESS, start);
    const wild = random.u32() | 0;
    const store = [I32_CONST, ...sleb(wild), I32_CONST, ...sleb(random.u32() | 0), 0x36, 0, 0];
    if (hasMemory) add(`wild store: to 0x${(wild >>> 0).toString(16)} before it`, store, start);
    for (const choice of inPlace(bytes, cursor, locals, random)) add(choice.what, choice.piece);
  }
  if (choices.length === 0) {
    const start = skipLocals(bytes, body.start, body.end);
    choices.push({ start, end: start, piece: [UNREACHABLE], what: 'stop: unreachable in an empty function' });
  }
  return choices;
}

/** What may stand in an instruction's place. */
function inPlace(
  bytes: Uint8Array,
  cursor: InstructionCursor,
  locals: readonly number[],
  random: Random,
): { what: string; piece: number[] }[] {
  const { opcode, start, immediates, next, value } = cursor;
  const rest = [...bytes.subarray(start, next)];
  const hex = (op: number): string => `0x${op.toString(16)}`;
  const alike = ALIKE.find((group) => group.includes(opcode));
  const found: { what: string; piece: number[] }[] = [];
  if (alike) {
    const other = random.pick(alike.filter((each) => each !== opcode));
    found.push({ what: `operator: ${hex(opcode)} made ${hex(other)}`, piece: [other, ...rest.slice(1)] });
  }
  if (opcode === I32_CONST) {
    const other =
      random.pick([0, 1, -1, value + 1, value - 1, value ^ (1 << random.below(32)), random.u32()]) | 0;
    if (other !== value)
      found.push({ what: `constant: ${value} made ${other}`, piece: [I32_CONST, ...sleb(other)] });
  }
  if (opcode === BR_IF) {
    found.push({ what: 'branch: not taken', piece: [DROP] });
    found.push({ what: 'condition: turned round', piece: [EQZ, ...rest] });
  }
  if (opcode === IF) {
    found.push({ what: 'branch: not taken', piece: [DROP, I32_CONST, 0, ...rest] });
    found.push({ what: 'condition: turned round', piece: [EQZ, ...rest] });
  }
  if (opcode === CALL)
    found.push({ what: `stop: in the place of a call of ${value}`, piece: [UNREACHABLE, NOP] });
  if (opcode === LOCAL_GET) {
    const other = locals.flatMap((type, index) => (type === locals[value] && index !== value ? [index] : []));
    if (other.length > 0) {
      const index = random.pick(other);
      found.push({ what: `variable: ${value} made ${index}`, piece: [LOCAL_GET, ...leb(index)] });
    }
  }
  if (STORES.includes(opcode)) found.push({ what: 'store: missing', piece: [DROP, DROP] });
  const access = MEMORY_I32_LOADS.includes(opcode)
    ? MEMORY_I32_LOADS
    : I32_STORES.includes(opcode)
      ? I32_STORES
      : null;
  if (access && (cursor.align & 0x40) === 0) {
    const other = random.pick(access.filter((each) => each !== opcode));
    const align = Math.min(cursor.align, NATURAL[other] ?? 0);
    found.push({ what: `width: ${hex(opcode)} made ${hex(other)}`, piece: [other, align, ...leb(value)] });
    const offset = random.pick([value + 4, value ^ (1 << random.below(31)), 0x7fffffff, random.u32()]) >>> 0;
    const head = [...bytes.subarray(start, immediates), cursor.align];
    if (offset !== value)
      found.push({ what: `address: offset ${value} made ${offset}`, piece: [...head, ...leb(offset)] });
  }
  return found;
}

/** Types of parameters and locals. */
function localTypes(bytes: Uint8Array, sections: Sections, body: Span, own: number): number[] {
  const signature = signatureOf(sections, own + importedCount(sections, 'function'));
  const types = [...(signature?.parameters ?? [])];
  let at = body.start;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80 || shift > 28) return value >>> 0;
    }
  };
  for (let groups = number(); groups > 0; groups--) {
    const count = Math.min(number(), 50000 - types.length);
    const type = bytes[at++] ?? 0;
    for (let i = 0; i < count; i++) types.push(type);
  }
  return types;
}
