// Damage in the sections that describe a module. Entries are taken apart, changed and written again, so that what comes out is
// well-formed and wrong; every other time it is the bytes themselves that are changed.
//
// A CRC is computed anew for the name that it then stands beside: of a symbol from the exported function's signature,
// of an import from its own.

import { BadModule, ByteReader, ByteWriter } from '../linker/wasm/bytes.ts';
import { symbolCrc } from '../linker/module/crc.ts';
import { readSections, signatureOf, type Sections, type Signature } from '../linker/wasm/sections.ts';
import { leb, replaced, sectionPlaces, type Damage, type SectionPlace } from './fields.ts';
import { evilName, shownName } from './names.ts';
import type { Random } from './random.ts';

const SECTIONS = ['dylink.0', '.modinfo', '__ksymtab', '__versions', '__param'] as const;
const BIG = [0, 1, 4, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const decoder = new TextDecoder();

/** New content of a section, and what was done to it. */
type Change = [content: number[], description: string];

export function mutateMetadata(bytes: Uint8Array, random: Random): Damage {
  const sections = readSections(bytes);
  const name = random.pick(SECTIONS);
  const place = sectionPlaces(bytes).find((each) => each.id === 0 && each.name === name);
  const content = place ? [...bytes.subarray(place.content, place.end)] : [];
  const [changed, what] =
    random.once(3) || name === 'dylink.0'
      ? damagedBytes(content, random)
      : changeOf[name](content, sections, random);
  const description = `${name}: ${what}`;
  const mutant = place ? withContent(bytes, place, changed) : withSection(bytes, name, changed);
  return { bytes: mutant, description };
}

function withContent(bytes: Uint8Array, place: SectionPlace, content: number[]): Uint8Array<ArrayBuffer> {
  return replaced(bytes, { start: place.content, end: place.end }, Uint8Array.from(content), [place.length]);
}

function withSection(bytes: Uint8Array, name: string, content: number[]): Uint8Array<ArrayBuffer> {
  const body = new ByteWriter().text(name).raw(Uint8Array.from(content)).bytes();
  return Uint8Array.from([...bytes, 0, ...leb(body.length), ...body]);
}

function damagedBytes(content: number[], random: Random): Change {
  const at = random.below(content.length);
  const changed = [...content];
  switch (content.length === 0 ? 4 : random.below(5)) {
    case 0:
      changed[at] = (changed[at]! + 1 + random.below(255)) & 0xff;
      return [changed, `byte ${at} changed`];
    case 1:
      return [changed.slice(0, at), `cut off at byte ${at}`];
    case 2:
      changed.splice(at, 1);
      return [changed, `byte ${at} is missing`];
    case 3:
      return [[...changed, ...content], 'everything stands twice'];
    default: {
      const more = Array.from({ length: 1 + random.below(12) }, () => random.below(256));
      changed.splice(at, 0, ...more);
      return [changed, `${more.length} random bytes at ${at}`];
    }
  }
}

type Changer = (content: number[], sections: Sections, random: Random) => Change;

const u32 = (value: number): number[] => [...new ByteWriter().u32le(value).bytes()];
const u16 = (value: number): number[] => [...new ByteWriter().u16le(value).bytes()];

/** Puts an entry back: in its place, twice, or in front of all others. */
function put(entries: number[][], at: number, entry: number[], random: Random): number[] {
  const changed = [...entries];
  if (random.once(8)) changed.push(entry, entry);
  else if (entries.length === 0) changed.push(entry);
  else changed[at] = entry;
  return changed.flat();
}

/** Cuts a section into entries; what cannot be cut is one entry. */
function entriesOf(content: number[], pass: (reader: ByteReader) => void): number[][] {
  const bytes = Uint8Array.from(content);
  const reader = new ByteReader(bytes);
  const entries: number[][] = [];
  try {
    while (!reader.done) {
      const start = reader.position;
      pass(reader);
      entries.push([...bytes.subarray(start, reader.position)]);
    }
    return entries;
  } catch (error) {
    if (error instanceof BadModule) return [content];
    throw error;
  }
}

/** The bytes up to a NUL, which is passed over. */
function cstring(reader: ByteReader): number[] {
  const text: number[] = [];
  for (let byte = reader.u8(); byte !== 0; byte = reader.u8()) text.push(byte);
  return text;
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  license: ['Proprietary', '', 'GPL\n', 'gpl'],
  vermagic: ['', '0.0.0 other', '0.1.0 isolab SMP mod_unload wasm32 ', 'x'.repeat(5000)],
  name: ['', 'kernel', '../x', 'a\nb', 'x'.repeat(100), '-'],
  globals: ['-1', '4294967295', '1e9', 'NaN', ''],
  depends: ['nobody', ',,,', 'x'.repeat(3000)],
  persist: ['nobody', ''],
  parm: ['', ':', 'nobody:text'],
  parmtype: ['nobody:int', 'size:charp', 'size:array of array of int', 'size'],
};

function changeInfo(content: number[], _sections: Sections, random: Random): Change {
  const entries = entriesOf(content, cstring);
  const at = random.below(entries.length);
  const old = decoder.decode(Uint8Array.from((entries[at] ?? []).filter((byte) => byte !== 0)));
  const keys = Object.keys(VALUES);
  const own = old.split('=')[0] ?? '';
  const key = random.once(2) && own in VALUES ? own : random.pick(keys);
  const value = random.pick(VALUES[key] ?? ['']);
  const [text, what] = random.pick<[string, string]>([
    [`${key}=${value}\0`, `${key} made ${JSON.stringify(value.slice(0, 30))}`],
    [`${key}=${value}\0`, `${key} made ${JSON.stringify(value.slice(0, 30))}`],
    [`${old.replace('=', '')}\0`, `${own} has no value`],
    [`=${old}\0`, `${own} has no key`],
    [old, `${own} has no end`],
    [`${own}=${'x'.repeat(100000)}\0`, `${own} has 100000 letters`],
  ]);
  return [put(entries, at, [...new TextEncoder().encode(text)], random), what];
}

/** Signatures by name: of exported functions, or of imported ones. */
function signatures(sections: Sections, of: 'exports' | 'imports'): Map<string, Signature> {
  const known = new Map<string, Signature>();
  const add = (name: string, signature: Signature | null | undefined): void => {
    if (signature) known.set(name, signature);
  };
  if (of === 'exports') {
    for (const { name, kind, index } of sections.exports)
      if (kind === 'function') add(name, signatureOf(sections, index));
  } else {
    for (const entry of sections.imports)
      if (entry.kind === 'function') add(entry.name, sections.types[entry.type]);
  }
  return known;
}

/** Another name for an entry: an evil one, or one that the module has, with the CRC that belongs to it. */
function otherName(
  known: ReadonlyMap<string, Signature>,
  old: string,
  random: Random,
): { name: number[]; crc: number } {
  const own = [...known.keys()];
  const name =
    own.length > 0 && random.once(3) ? new TextEncoder().encode(random.pick(own)) : evilName(random);
  const text = decoder.decode(name);
  const signature = known.get(text) ?? known.get(old) ?? { parameters: [], results: [] };
  return { name: [...name], crc: symbolCrc(text, signature) };
}

function changeSymbols(content: number[], sections: Sections, random: Random): Change {
  const entries = entriesOf(content, (reader) => {
    cstring(reader);
    cstring(reader);
    reader.skip(5);
  });
  const at = random.below(entries.length);
  const reader = new ByteReader(Uint8Array.from(entries[at] ?? [0x66, 0, 0, 0, 0, 0, 0, 0]));
  const [name, kinds] = [cstring(reader), cstring(reader)];
  const flags = reader.u8();
  const crc = reader.u32le();
  const entry = (n: number[], k: number[], f: number, c: number): number[] =>
    put(entries, at, [...n, 0, ...k, 0, f, ...u32(c)], random);
  const old = decoder.decode(Uint8Array.from(name));
  switch (random.below(4)) {
    case 0: {
      const other = otherName(signatures(sections, 'exports'), old, random);
      return [
        entry(other.name, kinds, flags, other.crc),
        `symbol ${old} renamed ${shownName(Uint8Array.from(other.name))}, its crc made anew`,
      ];
    }
    case 1: {
      const letters = Array.from({ length: random.below(9) }, () =>
        random.pick([...'siolsiolx']).charCodeAt(0),
      );
      return [
        entry(name, letters, flags, crc),
        `kinds of symbol ${old} made "${String.fromCharCode(...letters)}"`,
      ];
    }
    case 2: {
      const other = random.below(256);
      return [entry(name, kinds, other, crc), `flags of symbol ${old} made ${other}`];
    }
    default: {
      const other = random.once(2) ? 0 : random.u32();
      return [entry(name, kinds, flags, other), `crc of symbol ${old} made ${other}`];
    }
  }
}

function changeVersions(content: number[], sections: Sections, random: Random): Change {
  const entries = entriesOf(content, (reader) => {
    reader.skip(4);
    cstring(reader);
  });
  const at = random.below(entries.length);
  const reader = new ByteReader(Uint8Array.from(entries[at] ?? [0, 0, 0, 0, 0x66, 0]));
  const crc = reader.u32le();
  const name = cstring(reader);
  const old = decoder.decode(Uint8Array.from(name));
  const entry = (c: number, n: number[]): number[] => put(entries, at, [...u32(c), ...n, 0], random);
  if (random.once(2)) {
    const other = random.once(2) ? 0 : (crc ^ (1 << random.below(32))) >>> 0;
    return [entry(other, name), `crc of import ${old} made ${other}`];
  }
  const other = otherName(signatures(sections, 'imports'), old, random);
  return [
    entry(other.crc, other.name),
    `import ${old} renamed ${shownName(Uint8Array.from(other.name))}, its crc made anew`,
  ];
}

function changeParameters(content: number[], _sections: Sections, random: Random): Change {
  const entries = entriesOf(content, (reader) => {
    cstring(reader);
    reader.skip(9);
  });
  const at = random.below(entries.length);
  const reader = new ByteReader(Uint8Array.from(entries[at] ?? [0x73, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0]));
  const name = cstring(reader);
  const [type, mode, count, offset] = [reader.u8(), reader.u16le(), reader.u16le(), reader.u32le()];
  const old = decoder.decode(Uint8Array.from(name));
  const entry = (n: number[], t: number, m: number, c: number, o: number): number[] =>
    put(entries, at, [...n, 0, t, ...u16(m), ...u16(c), ...u32(o)], random);
  const value = random.pick(BIG);
  switch (random.below(5)) {
    case 0: {
      const other = evilName(random);
      return [entry([...other], type, mode, count, offset), `parameter ${old} renamed ${shownName(other)}`];
    }
    case 1: {
      const other = random.pick([0, 1, 2, 3, 4, 0x7f, 0x80, 0x82, 0x83, 0x84, 0xff]);
      return [entry(name, other, mode, count, offset), `type of parameter ${old} made ${other}`];
    }
    case 2:
      return [
        entry(name, type, value & 0xffff, count, offset),
        `permissions of parameter ${old} made ${value & 0xffff}`,
      ];
    case 3:
      return [
        entry(name, type | 0x80, mode, value & 0xffff, offset),
        `parameter ${old} made an array of ${value & 0xffff}`,
      ];
    default:
      return [entry(name, type, mode, count, value), `offset of parameter ${old} made ${value}`];
  }
}

const changeOf: Record<Exclude<(typeof SECTIONS)[number], 'dylink.0'>, Changer> = {
  '.modinfo': changeInfo,
  __ksymtab: changeSymbols,
  __versions: changeVersions,
  __param: changeParameters,
};
