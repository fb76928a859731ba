// Damaged modules: a seed and a file give one damaged file and a sentence that says what was done to it. The same seed gives
// the same bytes. Everything but `code` damages the container, which a loader must refuse or find harmless before anything is
// written; `code` leaves a module that every engine accepts and that does something else.
//
// A module's file has no checksum over itself (its SHA-256 is told, not kept in it); the CRCs of symbols are in it, and are
// computed anew for whatever name they then belong to (./mutate-metadata.ts), so that no check of them hides another one.

import { mutateCode } from './mutate-code.ts';
import {
  leb,
  moduleFields,
  replaced,
  sectionName,
  sectionPlaces,
  sleb,
  spliced,
  type Damage,
  type Field,
  type FieldKind,
} from './fields.ts';
import { mutateMany } from './mutate-many.ts';
import { mutateMetadata } from './mutate-metadata.ts';
import { evilName, shownName } from './names.ts';
import { Random } from './random.ts';

export const MUTATIONS = [
  'bits', // one to eight bits flipped anywhere
  'truncation', // the end is missing, or bytes in the middle are
  'length', // a length says something else than what is there
  'sections', // swapped, doubled, missing, foreign
  'number', // a LEB128 that is too long, too large or has no end
  'segment', // data or table entries outside of what dylink.0 announces
  'size', // memory, table, alignment: enormous or too small
  'count', // of imports, exports, functions …
  'index', // of a type or function that is not there
  'name', // NUL, newline, escape, endless, not UTF-8, somebody else's
  'metadata', // dylink.0, .modinfo, __ksymtab, __param, __versions
  'start', // a start function that nobody asked for
  'many', // very many parameters, functions, symbols …
  'code', // valid instructions in the place of others
] as const;

export type Mutation = (typeof MUTATIONS)[number];

export interface Mutant {
  bytes: Uint8Array<ArrayBuffer>;
  mutation: Mutation;
  /** What was done, in one line. */
  description: string;
}

const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];

const hex = (value: number): string => `0x${value.toString(16)}`;

/** How a field is called in a description. */
function fieldText(field: Field, to: number): string {
  return `${field.what} ${field.value} made ${to}`;
}

function flipBits(bytes: Uint8Array, random: Random): Damage {
  const mutant = bytes.slice();
  const flipped = Array.from({ length: 1 + random.below(8) }, () => {
    const at = random.below(mutant.length);
    const bit = random.below(8);
    mutant[at]! ^= 1 << bit;
    return `${hex(at)}.${bit}`;
  });
  return { bytes: mutant, description: `bits flipped: ${flipped.join(' ')}` };
}

function truncate(bytes: Uint8Array, random: Random): Damage {
  const at = random.below(bytes.length);
  if (random.once(2)) return { bytes: bytes.slice(0, at), description: `cut off at ${hex(at)}` };
  const count = Math.min(1 + random.below(64), bytes.length - at);
  return {
    bytes: spliced(bytes, at, at + count, new Uint8Array()),
    description: `${count} bytes missing at ${hex(at)}`,
  };
}

function otherNumber(old: number, random: Random): number {
  const choices = [...NUMBERS, old + 1, old - 1, old * 2, old ^ (1 << random.below(31)), random.u32()];
  const different = choices.map((value) => value >>> 0).filter((value) => value !== old);
  return random.pick(different);
}

function fieldsOf(bytes: Uint8Array, kinds: readonly FieldKind[]): Field[] {
  return moduleFields(bytes).filter(({ kind }) => kinds.includes(kind));
}

/** One number replaced; the lengths around it stay right. */
function renumber(kinds: readonly FieldKind[]): (bytes: Uint8Array, random: Random) => Damage {
  return (bytes, random) => {
    const fields = fieldsOf(bytes, kinds);
    if (fields.length === 0) return null;
    const field = random.pick(fields);
    const value = otherNumber(field.value, random);
    return {
      bytes: replaced(bytes, field, leb(value), field.within),
      description: fieldText(field, value),
    };
  };
}

function mutateSections(bytes: Uint8Array, random: Random): Damage {
  const places = sectionPlaces(bytes);
  if (places.length < 2) return null;
  const parts = places.map(({ start, end }) => bytes.slice(start, end));
  const at = random.below(parts.length);
  const other = (at + 1 + random.below(parts.length - 1)) % parts.length;
  const [here, there] = [sectionName(places[at]!), sectionName(places[other]!)];
  let description: string;
  switch (random.below(5)) {
    case 0:
      [parts[at], parts[other]] = [parts[other]!, parts[at]!];
      description = `sections ${here} and ${there} change places`;
      break;
    case 1:
      parts.splice(other, 0, parts[at]!);
      description = `section ${here} stands twice`;
      break;
    case 2:
      parts.splice(at, 1);
      description = `section ${here} is missing`;
      break;
    case 3: {
      const id = random.pick([...Array(16).keys(), 0x7f, 0xff].filter((each) => each !== places[at]!.id));
      parts[at]![0] = id;
      description = `section ${here} has the id ${id}`;
      break;
    }
    default: {
      const content = Uint8Array.from({ length: random.below(20) }, () => random.below(256));
      const id = random.pick([4, 5, 8, 12, 13, 14]);
      parts.splice(at, 0, Uint8Array.from([id, content.length, ...content]));
      description = `a section ${id} of ${content.length} random bytes before ${here}`;
    }
  }
  const total = parts.reduce((sum, part) => sum + part.length, 8);
  const mutant = new Uint8Array(total);
  mutant.set(bytes.subarray(0, 8));
  let to = 8;
  for (const part of parts) {
    mutant.set(part, to);
    to += part.length;
  }
  return { bytes: mutant, description };
}

const ENCODINGS: readonly [what: string, encode: (value: number) => number[]][] = [
  ['padded to five bytes', (value) => padded(value, 5)],
  ['padded to six bytes', (value) => padded(value, 6)],
  ['with bits beyond the 32nd', (value) => [...padded(value, 5).slice(0, 4), 0x70]],
  ['without an end', () => Array<number>(16).fill(0x80)],
  ['of ten bytes', () => [...Array<number>(9).fill(0xff), 0x01]],
];

function padded(value: number, length: number): number[] {
  return Array.from({ length }, (_, i) => {
    const part = i < 5 ? Math.floor(value / 2 ** (7 * i)) & 0x7f : 0;
    return i + 1 < length ? part | 0x80 : part;
  });
}

function overlong(bytes: Uint8Array, random: Random): Damage {
  const fields = moduleFields(bytes).filter(({ kind }) => kind !== 'name' && kind !== 'offset');
  const field = random.pick(fields);
  const [what, encode] = random.pick(ENCODINGS);
  return {
    bytes: replaced(bytes, field, Uint8Array.from(encode(field.value)), field.within),
    description: `${field.what} is a number ${what}`,
  };
}

function moveSegment(bytes: Uint8Array, random: Random): Damage {
  const fields = fieldsOf(bytes, ['offset']);
  if (fields.length === 0) return null;
  const field = random.pick(fields);
  const sizes = fieldsOf(bytes, ['size']).map(({ value }) => value);
  const offset = random.pick([...sizes, ...sizes.map((size) => size - 1), -1, -0x80000000, 0x7ffffff0]) | 0;
  const base = random.below(4);
  const [expression, description] = random.pick<[number[], string]>([
    [[0x23, base, 0x41, ...sleb(offset), 0x6a], `global ${base} + ${offset}`],
    [[0x41, ...sleb(offset), 0x23, base, 0x6a], `${offset} + global ${base}`],
    [[0x41, ...sleb(offset)], `the fixed address ${offset}`],
    [[0x23, 0x7f], 'global 127'],
    [[0x42, ...sleb(offset)], `an i64, ${offset}`],
    [[0x41, ...sleb(offset), 0x41, 1, 0x6a], `${offset} + 1`],
    [[0xd2, 0], 'the reference of function 0'],
  ]);
  const piece = Uint8Array.from([...expression, 0x0b]);
  return {
    bytes: replaced(bytes, field, piece, field.within),
    description: `${field.what} made ${description}`,
  };
}

function rename(bytes: Uint8Array, random: Random): Damage {
  const fields = fieldsOf(bytes, ['name']);
  if (fields.length === 0) return null;
  const field = random.pick(fields);
  const other = random.pick(fields);
  const name = random.once(6) ? bytes.slice(other.start, other.end) : null;
  const piece = name ?? evilName(random);
  const text = name ? name.subarray(1) : piece;
  const encoded = name ?? Uint8Array.from([...leb(piece.length), ...piece]);
  return {
    bytes: replaced(bytes, field, encoded, field.within),
    description: `${field.what} made ${shownName(text)}`,
  };
}

function addStart(bytes: Uint8Array, random: Random): Damage {
  const places = sectionPlaces(bytes);
  const functions = fieldsOf(bytes, ['index']).filter(({ what }) =>
    /^(function|import) \d+: type$/.test(what),
  );
  const index = random.once(4) ? random.pick(NUMBERS) : random.below(functions.length);
  const section = Uint8Array.from([8, leb(index).length, ...leb(index)]);
  const present = places.find(({ id }) => id === 8);
  const before = places.find(({ id }) => id === 9 || id === 12 || id === 10);
  if (!present && !before) return null;
  const [start, end] = present ? [present.start, present.end] : [before!.start, before!.start];
  return {
    bytes: spliced(bytes, start, end, section),
    description: `function ${index} made the start function`,
  };
}

const WAYS: Record<Mutation, (bytes: Uint8Array, random: Random) => Damage> = {
  bits: flipBits,
  truncation: truncate,
  length: renumber(['section length', 'length']),
  sections: mutateSections,
  number: overlong,
  segment: moveSegment,
  size: renumber(['size', 'alignment']),
  count: renumber(['count']),
  index: renumber(['index']),
  name: rename,
  metadata: mutateMetadata,
  start: addStart,
  many: mutateMany,
  code: mutateCode,
};

const ATTEMPTS = 50;

/**
 * Damages a module.
 *
 * @param bytes    a module that is whole; BadModule is thrown where it is not
 * @param seed     chooses everything; its low 32 bits count
 * @param mutation the kind of damage, else the seed chooses that as well
 * @returns a file that differs from the given one; where it has nothing for that kind, the damage is of another kind
 */
export function mutate(bytes: Uint8Array, seed: number, mutation?: Mutation): Mutant {
  const random = new Random(seed);
  let chosen = mutation ?? random.pick(MUTATIONS);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const damage = WAYS[chosen](bytes, random);
    if (damage === null) chosen = MUTATIONS[(MUTATIONS.indexOf(chosen) + 1) % MUTATIONS.length]!;
    else if (!same(damage.bytes, bytes)) return { ...damage, mutation: chosen };
  }
  throw new Error(`no damage was found for seed ${seed}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
