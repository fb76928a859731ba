// A file that is in order, and declares very much of one thing: tens of thousands of parameters, functions, exported symbols,
// needed libraries, aliases or imports with versions. A kernel refuses it for how much, or loads it; nobody else may notice.

import { ByteReader, ByteWriter } from '../linker/wasm/bytes.ts';
import { dataCrc } from '../linker/module/crc.ts';
import { GOT_MEMORY, SECTION } from '../linker/module/metadata.ts';
import { TYPE } from '../linker/wasm/opcodes.ts';
import { importedCount, readSections } from '../linker/wasm/sections.ts';
import { leb, replaced, sectionPlaces, type Damage, type SectionPlace } from './fields.ts';
import type { Random } from './random.ts';

export const MANY = ['parameters', 'functions', 'symbols', 'libraries', 'aliases', 'imports'] as const;
export type Many = (typeof MANY)[number];

type File = Uint8Array<ArrayBuffer>;

/** 2 to the power of these, and some more. */
const [LEAST, MOST] = [6, 15];

const TYPES = 1;
const IMPORTS = 2;
const FUNCTIONS = 3;
const GLOBALS = 6;
const EXPORTS = 7;
const CODE = 10;
/** A part of dylink.0. */
const NEEDED = 2;

function entries(count: number, write: (to: ByteWriter, i: number) => void): Uint8Array {
  const to = new ByteWriter();
  for (let i = 0; i < count; i++) write(to, i);
  return to.bytes();
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new ByteWriter();
  for (const part of parts) all.raw(part);
  return all.bytes();
}

/** A section, or a part of dylink.0. */
function block(id: number, fill: (to: ByteWriter) => void): Uint8Array {
  const to = new ByteWriter().u8(id);
  to.block(fill);
  return to.bytes();
}

function withContent(bytes: Uint8Array, { content, end, length }: SectionPlace, piece: Uint8Array): File {
  return replaced(bytes, { start: content, end }, piece, [length]);
}

/** More entries of a section that begins with how many there are; a section that is not there is made. */
function lengthened(bytes: Uint8Array, id: number, count: number, more: Uint8Array): File {
  const places = sectionPlaces(bytes);
  const place = places.find((each) => each.id === id);
  if (place) {
    const reader = new ByteReader(bytes, place.content, place.end);
    const before = reader.u32();
    return withContent(bytes, place, joined(leb(before + count), reader.take(reader.left), more));
  }
  const at = places.find((each) => each.id > id)?.start ?? bytes.length;
  const section = block(id, (to) => to.u32(count).raw(more));
  return new Uint8Array(joined(bytes.subarray(0, at), section, bytes.subarray(at)));
}

/** More at the end of a custom section, which is made where it is not there. */
function appended(bytes: Uint8Array, name: string, more: Uint8Array): File {
  const place = sectionPlaces(bytes).find((each) => each.id === 0 && each.name === name);
  if (place) return withContent(bytes, place, joined(bytes.subarray(place.content, place.end), more));
  return new Uint8Array(
    joined(
      bytes,
      block(0, (to) => to.text(name).raw(more)),
    ),
  );
}

/** A byte at the memory base, each of them. */
const parameters = (bytes: Uint8Array, count: number): File =>
  appended(
    bytes,
    SECTION.parameters,
    entries(count, (to, i) => to.cstring(`p${i}`).u8(0).u16le(0o444).u16le(1).u32le(0)),
  );

/** Functions of the first type there is, which do nothing but trap. */
function functions(bytes: Uint8Array, count: number): File {
  const declared = lengthened(bytes, FUNCTIONS, count, new Uint8Array(count));
  const bodies = entries(count, (to) => to.u8(3).u8(0).u8(0x00).u8(0x0b));
  return lengthened(declared, CODE, count, bodies);
}

/** The file's first function under other names. */
function symbols(bytes: Uint8Array, count: number): File {
  const first = importedCount(readSections(bytes), 'function');
  const exported = lengthened(
    bytes,
    EXPORTS,
    count,
    entries(count, (to, i) => to.text(`many_${i}`).u8(0).u32(first)),
  );
  const more = entries(count, (to, i) => to.cstring(`many_${i}`).u8(0).u8(0).u32le(0));
  return appended(exported, SECTION.symbols, more);
}

const libraries = (bytes: Uint8Array, count: number): File =>
  appended(
    bytes,
    SECTION.dylink,
    block(NEEDED, (part) => part.u32(count).raw(entries(count, (to, i) => to.text(`lib${i}.so`)))),
  );

const aliases = (bytes: Uint8Array, count: number): File =>
  appended(
    bytes,
    SECTION.info,
    entries(count, (to, i) => to.cstring(`alias=many:${i}`)),
  );

/** Addresses of others' variables, with versions; a file that has globals of its own would have to be renumbered. */
function imports(bytes: Uint8Array, count: number): File {
  const globals = entries(count, (to, i) => to.text(GOT_MEMORY).text(`many_${i}`).u8(3).u8(TYPE.i32).u8(1));
  const versions = entries(count, (to, i) => to.u32le(dataCrc(`many_${i}`)).cstring(`many_${i}`));
  return appended(lengthened(bytes, IMPORTS, count, globals), SECTION.versions, versions);
}

const WAYS: Record<Many, (bytes: Uint8Array, count: number) => File> = {
  ...{ parameters, functions, symbols, libraries, aliases, imports },
};

/** A module that declares so many more of something. Throws BadModule where the file is none. */
export function declaring(bytes: Uint8Array, what: Many, count: number): File {
  return WAYS[what](bytes, count);
}

export function mutateMany(bytes: Uint8Array, random: Random): Damage {
  const ids = sectionPlaces(bytes).map(({ id }) => id);
  const possible = MANY.filter(
    (what) => (what !== 'imports' || !ids.includes(GLOBALS)) && (what !== 'functions' || ids.includes(TYPES)),
  );
  const what = random.pick(possible);
  const count = 2 ** (LEAST + random.below(MOST - LEAST + 1)) + random.below(2 ** LEAST);
  return { bytes: declaring(bytes, what, count), description: `${count} ${what} more` };
}
