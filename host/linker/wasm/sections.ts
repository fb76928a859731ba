// A wasm file taken apart into its sections.
//
// Used for what asc emits as well as for strangers' files: every count and length is checked against the bytes that
// are there, and what this linker and loader have no use for (tags, several memories, garbage-collected types) is
// refused. Code is only cut into bodies; types are not checked: the engine validates before anything runs.

import { BadModule, ByteReader } from './bytes.ts';
import { readConstant, type Constant } from './constant.ts';
import { TYPE } from './opcodes.ts';

export interface Signature {
  parameters: number[];
  results: number[];
}

export interface Limits {
  minimum: number;
  maximum: number | null;
  shared: boolean;
}

export type ImportType =
  | { kind: 'function'; type: number }
  | { kind: 'table'; element: number; limits: Limits }
  | { kind: 'memory'; limits: Limits }
  | { kind: 'global'; type: number; mutable: boolean };

export type Import = { module: string; name: string } & ImportType;

export interface Global {
  type: number;
  mutable: boolean;
  init: Constant;
}

export type ExportKind = 'function' | 'table' | 'memory' | 'global';

export interface Export {
  name: string;
  kind: ExportKind;
  index: number;
}

/** A stretch of the file. */
export interface Span {
  start: number;
  end: number;
}

export interface ElementSegment {
  offset: Constant;
  functions: number[];
}

export interface DataSegment extends Span {
  /** null where the segment is passive. */
  offset: Constant | null;
}

export interface CustomSection extends Span {
  name: string;
  /** Where the section's length stands. */
  length: Span;
}

export interface Sections {
  bytes: Uint8Array;
  types: Signature[];
  imports: Import[];
  /** Type indices of the module's own functions. */
  functions: number[];
  /** Type indices of all functions, imported ones first. */
  functionTypes: number[];
  tables: Limits[];
  memories: Limits[];
  /** Where the table's minimum stands (it depends on the base a file was built at), or an empty span. */
  tableMinimum: Span;
  /** Where the limits of the imported memory stand, and the length of the section they are in; empty spans without one. */
  memoryLimits: Span;
  importsLength: Span;
  globals: Global[];
  exports: Export[];
  start: number | null;
  elements: ElementSegment[];
  bodies: Span[];
  data: DataSegment[];
  custom: CustomSection[];
  /** Whether dylink.0 comes before everything else. */
  dylinkFirst: boolean;
}

const ORDER = new Map([1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11].map((id, place) => [id, place]));
const KINDS: readonly ExportKind[] = ['function', 'table', 'memory', 'global'];
const VALUE_TYPES: ReadonlySet<number> = new Set(Object.values(TYPE));

function valueType(reader: ByteReader): number {
  const type = reader.u8();
  if (!VALUE_TYPES.has(type)) throw new BadModule(`unknown value type 0x${type.toString(16)}`);
  return type;
}

function limits(reader: ByteReader): Limits {
  const flags = reader.u8();
  if (flags > 3 || flags === 2) throw new BadModule(`unknown limits 0x${flags.toString(16)}`);
  const minimum = reader.u32();
  return { minimum, maximum: flags & 1 ? reader.u32() : null, shared: (flags & 2) !== 0 };
}

function vector<T>(reader: ByteReader, element: (reader: ByteReader) => T, least = 1): T[] {
  const list: T[] = [];
  for (let left = reader.count(least); left > 0; left--) list.push(element(reader));
  return list;
}

function importEntry(reader: ByteReader, sections: Sections): Import {
  const module = reader.text();
  const name = reader.text();
  const kind = reader.u8();
  if (kind === 0) return { module, name, kind: 'function', type: reader.u32() };
  if (kind === 1) {
    const element = valueType(reader);
    const start = reader.position + 1;
    const table = limits(reader);
    sections.tableMinimum = { start, end: reader.position };
    return { module, name, kind: 'table', element, limits: table };
  }
  if (kind === 2) {
    const start = reader.position;
    const memory = limits(reader);
    sections.memoryLimits = { start, end: reader.position };
    return { module, name, kind: 'memory', limits: memory };
  }
  if (kind === 3) {
    const type = valueType(reader);
    return { module, name, kind: 'global', type, mutable: reader.u8() === 1 };
  }
  throw new BadModule(`import ${module}.${name} is of an unknown kind ${kind}`);
}

function elementSegment(reader: ByteReader): ElementSegment {
  const flags = reader.u32();
  if (flags !== 0 && flags !== 2) throw new BadModule(`element segments of kind ${flags} are not supported`);
  if (flags === 2 && reader.u32() !== 0) throw new BadModule('an element segment for a second table');
  const offset = readConstant(reader);
  if (flags === 2 && reader.u8() !== 0) throw new BadModule('an element segment that holds no functions');
  return { offset, functions: vector(reader, (r) => r.u32()) };
}

function dataSegment(reader: ByteReader): DataSegment {
  const flags = reader.u32();
  if (flags > 2) throw new BadModule(`data segments of kind ${flags} are not supported`);
  if (flags === 2 && reader.u32() !== 0) throw new BadModule('a data segment for a second memory');
  const offset = flags === 1 ? null : readConstant(reader);
  const length = reader.u32();
  const start = reader.position;
  reader.skip(length);
  return { offset, start, end: reader.position };
}

function section(id: number, reader: ByteReader, to: Sections): void {
  switch (id) {
    case 1:
      to.types = vector(reader, (r) => {
        const form = r.u8();
        if (form !== 0x60) throw new BadModule(`type 0x${form.toString(16)} is not a function's`);
        return { parameters: vector(r, valueType), results: vector(r, valueType) };
      });
      return;
    case 2:
      to.imports = vector(reader, (r) => importEntry(r, to));
      return;
    case 3:
      to.functions = vector(reader, (r) => r.u32());
      return;
    case 4:
      to.tables = vector(reader, (r) => {
        valueType(r);
        return limits(r);
      });
      return;
    case 5:
      to.memories = vector(reader, limits);
      return;
    case 6:
      to.globals = vector(reader, (r) => ({
        type: valueType(r),
        mutable: r.u8() === 1,
        init: readConstant(r),
      }));
      return;
    case 7:
      to.exports = vector(reader, (r) => {
        const name = r.text();
        const kind = KINDS[r.u8()];
        if (!kind) throw new BadModule(`export ${name} is of an unknown kind`);
        return { name, kind, index: r.u32() };
      });
      return;
    case 8:
      to.start = reader.u32();
      return;
    case 9:
      to.elements = vector(reader, elementSegment);
      return;
    case 10:
      to.bodies = vector(reader, (r) => {
        const length = r.u32();
        const start = r.position;
        r.skip(length);
        return { start, end: r.position };
      });
      return;
    case 11:
      to.data = vector(reader, dataSegment);
      return;
    case 12:
      reader.u32();
      return;
    default:
      throw new BadModule(`section ${id} is not supported`);
  }
}

/** Takes a file apart. Throws BadModule, and nothing else, on whatever is wrong. */
export function readSections(bytes: Uint8Array): Sections {
  const reader = new ByteReader(bytes);
  if (bytes.length < 8 || reader.u32le() !== 0x6d736100) throw new BadModule('not a WebAssembly file');
  const version = reader.u32le();
  if (version !== 1) throw new BadModule(`version ${version} of WebAssembly is not supported`);
  const to: Sections = {
    bytes,
    types: [],
    imports: [],
    functions: [],
    functionTypes: [],
    tables: [],
    memories: [],
    tableMinimum: { start: 0, end: 0 },
    memoryLimits: { start: 0, end: 0 },
    importsLength: { start: 0, end: 0 },
    globals: [],
    exports: [],
    start: null,
    elements: [],
    bodies: [],
    data: [],
    custom: [],
    dylinkFirst: false,
  };
  let last = -1;
  for (let index = 0; !reader.done; index++) {
    const id = reader.u8();
    const start = reader.position;
    const content = reader.part(reader.u32());
    const length: Span = { start, end: content.position };
    if (id === 0) {
      const name = content.text();
      to.custom.push({ name, start: content.position, end: content.end, length });
      if (index === 0) to.dylinkFirst = name === 'dylink.0';
      continue;
    }
    const place = ORDER.get(id);
    if (place === undefined || place <= last) throw new BadModule(`section ${id} is unknown or out of order`);
    last = place;
    if (id === 2) to.importsLength = length;
    section(id, content, to);
    if (!content.done) throw new BadModule(`section ${id} has ${content.left} bytes too many`);
  }
  if (to.bodies.length !== to.functions.length)
    throw new BadModule(`${to.functions.length} functions and ${to.bodies.length} bodies`);
  for (const entry of to.imports) if (entry.kind === 'function') to.functionTypes.push(entry.type);
  for (const type of to.functions) to.functionTypes.push(type);
  return to;
}

/** How many functions, or globals, come from outside. */
export function importedCount(sections: Sections, kind: Import['kind']): number {
  let count = 0;
  for (const entry of sections.imports) if (entry.kind === kind) count++;
  return count;
}

/** Signature of a function by its index; null where the index or its type is not there. */
export function signatureOf(sections: Sections, index: number): Signature | null {
  const type = sections.functionTypes[index];
  return type === undefined ? null : (sections.types[type] ?? null);
}
