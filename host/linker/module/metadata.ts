// The custom sections of a module: dylink.0 of the WebAssembly tool conventions, and four with Linux's names.
//
//   dylink.0    sequence of u8 type, length, payload; MEM_INFO (1) = memory size, alignment (log2), table size, alignment
//   .modinfo    key=value, each ended by NUL; beside Linux's keys `globals`, the bytes of mutable globals at the data's
//               start, `persist`, a parameter whose value is kept over rmmod, and `restart`, what its death leads to
//   __ksymtab   name NUL, kinds NUL (a letter per parameter: s i o l, or none at all), u8 flags (1 GPL only, 2 data), u32le crc
//   __versions  u32le crc, name NUL: what an import was when the module was built
//   __param     name NUL, u8 type (0x80 added: an array), u16le permissions, u16le count, u32le offset from the memory base
//
// The last three are entries up to the section's end, so that an assembler can append to them. A crc of 0 is computed from
// the export, which also tells what is data; an offset of 0xffffffff is that of the exported global of the parameter's name.

import { BadModule, ByteReader, ByteWriter } from '../wasm/bytes.ts';
import {
  PARAM_ARRAY,
  PARAM_BOOL,
  PARAM_CHARP,
  PARAM_INT,
  PARAM_UINT,
  SYMBOL_DATA,
  SYMBOL_GPL_ONLY,
} from '../../../kernel/abi/module.ts';

export const SECTION = {
  dylink: 'dylink.0',
  info: '.modinfo',
  symbols: '__ksymtab',
  versions: '__versions',
  parameters: '__param',
  names: 'name',
  sourceMap: 'sourceMappingURL',
} as const;

/** The module from which the addresses of others' variables are imported, as C compilers do. */
export const GOT_MEMORY = 'GOT.mem';

export interface AreaInfo {
  /** Bytes, or table slots. */
  size: number;
  /** In bytes, or slots. */
  alignment: number;
}

export interface DylinkInfo {
  memory: AreaInfo;
  table: AreaInfo;
  needed: string[];
  /** Imports that may be missing, as `module.name`. */
  weak: Set<string>;
}

export interface ExportedSymbol {
  name: string;
  gplOnly: boolean;
  /** A variable: its exported global holds the offset from the memory base. */
  data: boolean;
  crc: number;
  /** What a gate must know of each parameter: KIND_SCALAR, KIND_IN, KIND_OUT or KIND_LENGTH (kernel/abi/module.ts). */
  kinds: number[];
}

export type ParameterType = 'bool' | 'int' | 'uint' | 'charp';

export interface ModuleParameter {
  name: string;
  /** Of an element where it is an array. */
  type: ParameterType;
  array: boolean;
  /** Elements that there is room for; 1 where it is no array. */
  count: number;
  /** As a file's mode; 0 is not shown under /sys. */
  permissions: number;
  /** Of the (first) value from the memory base. */
  offset: number;
}

/** A parameter as `__param` has it. */
export interface ParameterEntry extends Omit<ModuleParameter, 'offset'> {
  /** null: that of the exported global of its name. */
  offset: number | null;
}

const MEM_INFO = 1;
const NEEDED = 2;
const IMPORT_INFO = 4;
/** Of an import's flags: the binding, and its value for a weak symbol. */
const BINDING = 3;
const WEAK = 1;
/** Letters of the kinds, by their numbers. */
const KINDS = 'siol';
const TYPES = new Map<ParameterType, number>([
  ['bool', PARAM_BOOL],
  ['int', PARAM_INT],
  ['uint', PARAM_UINT],
  ['charp', PARAM_CHARP],
]);
export const PARAMETER_TYPES: readonly ParameterType[] = [...TYPES.keys()];
const BY_NAME = 0xffffffff;
export const MAX_MODE = 0o777;
export const MAX_COUNT = 0xffff;

/** Bytes of a parameter's value, or of one of its elements. */
export function elementSize(type: ParameterType): number {
  return type === 'bool' ? 1 : 4;
}

export function writeDylink(to: ByteWriter, memory: AreaInfo, tableSize: number): void {
  to.u8(MEM_INFO).block((part) => {
    part.u32(memory.size).u32(Math.log2(memory.alignment)).u32(tableSize).u32(0);
  });
}

function alignment(reader: ByteReader): number {
  const log2 = reader.u32();
  if (log2 > 16) throw new BadModule(`an alignment of 2^${log2}`);
  return 1 << log2;
}

export function readDylink(reader: ByteReader): DylinkInfo {
  const info: DylinkInfo = {
    memory: { size: 0, alignment: 1 },
    table: { size: 0, alignment: 1 },
    needed: [],
    weak: new Set(),
  };
  while (!reader.done) {
    const type = reader.u8();
    const part = reader.part(reader.u32());
    if (type === MEM_INFO) {
      info.memory = { size: part.u32(), alignment: alignment(part) };
      info.table = { size: part.u32(), alignment: alignment(part) };
    } else if (type === NEEDED) {
      info.needed = [];
      for (let left = part.count(); left > 0; left--) info.needed.push(part.text());
    } else if (type === IMPORT_INFO) {
      for (let left = part.count(3); left > 0; left--) {
        const wanted = `${part.text()}.${part.text()}`;
        if ((part.u32() & BINDING) === WEAK) info.weak.add(wanted);
      }
    }
  }
  return info;
}

export function writeInfo(to: ByteWriter, entries: readonly (readonly [key: string, value: string])[]): void {
  const encoder = new TextEncoder();
  for (const [key, value] of entries) to.raw(encoder.encode(`${key}=${value}\0`));
}

/** Keys and values in the section's order. */
export function infoEntries(reader: ByteReader): [key: string, value: string][] {
  const text = new TextDecoder().decode(reader.take(reader.left).slice());
  return text
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const equals = entry.indexOf('=');
      if (equals < 1)
        throw new BadModule(`.modinfo has an entry without a key: ${JSON.stringify(entry.slice(0, 40))}`);
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    });
}

export function readInfo(reader: ByteReader): Map<string, string[]> {
  const info = new Map<string, string[]>();
  for (const [key, value] of infoEntries(reader)) {
    const values = info.get(key);
    if (values) values.push(value);
    else info.set(key, [value]);
  }
  return info;
}

/** SYMBOL_* of a symbol, in the file and in the kernel's table. */
export function symbolFlags({ gplOnly, data }: Pick<ExportedSymbol, 'gplOnly' | 'data'>): number {
  return (gplOnly ? SYMBOL_GPL_ONLY : 0) | (data ? SYMBOL_DATA : 0);
}

export function writeSymbols(to: ByteWriter, symbols: readonly ExportedSymbol[]): void {
  for (const { name, gplOnly, data, crc, kinds } of symbols) {
    to.cstring(name)
      .cstring(kinds.map((kind) => KINDS[kind]).join(''))
      .u8(symbolFlags({ gplOnly, data }))
      .u32le(crc);
  }
}

export function readSymbols(reader: ByteReader): ExportedSymbol[] {
  const symbols: ExportedSymbol[] = [];
  while (!reader.done) {
    const name = reader.cstring();
    const kinds = [...reader.cstring()].map((letter) => {
      const kind = KINDS.indexOf(letter);
      if (kind < 0) throw new BadModule(`symbol ${name} has a parameter of unknown kind ${letter}`);
      return kind;
    });
    const flags = reader.u8();
    if (flags & ~(SYMBOL_GPL_ONLY | SYMBOL_DATA))
      throw new BadModule(`symbol ${name} has unknown flags ${flags}`);
    symbols.push({
      name,
      gplOnly: (flags & SYMBOL_GPL_ONLY) !== 0,
      data: (flags & SYMBOL_DATA) !== 0,
      crc: reader.u32le(),
      kinds,
    });
  }
  return symbols;
}

export function writeVersions(to: ByteWriter, versions: ReadonlyMap<string, number>): void {
  for (const [name, crc] of versions) to.u32le(crc).cstring(name);
}

export function readVersions(reader: ByteReader): Map<string, number> {
  const versions = new Map<string, number>();
  while (!reader.done) {
    const crc = reader.u32le();
    const name = reader.cstring();
    if (versions.has(name)) throw new BadModule(`__versions names a symbol twice: ${name}`);
    versions.set(name, crc);
  }
  return versions;
}

export function writeParameters(to: ByteWriter, parameters: readonly ParameterEntry[]): void {
  for (const { name, type, array, count, permissions, offset } of parameters) {
    to.cstring(name)
      .u8(TYPES.get(type)! | (array ? PARAM_ARRAY : 0))
      .u16le(permissions)
      .u16le(count)
      .u32le(offset ?? BY_NAME);
  }
}

export function readParameters(reader: ByteReader): ParameterEntry[] {
  const parameters: ParameterEntry[] = [];
  while (!reader.done) {
    const name = reader.cstring();
    const code = reader.u8();
    const array = (code & PARAM_ARRAY) !== 0;
    const type = PARAMETER_TYPES.find((each) => TYPES.get(each) === (code & ~PARAM_ARRAY));
    if (!type) throw new BadModule(`parameter ${name} is of an unknown type ${code}`);
    const permissions = reader.u16le();
    const count = reader.u16le();
    if (permissions > MAX_MODE)
      throw new BadModule(`parameter ${name} has unknown permissions 0${permissions.toString(8)}`);
    if (array ? count === 0 : count !== 1)
      throw new BadModule(`parameter ${name} has a wrong number of values: ${count}`);
    const offset = reader.u32le();
    parameters.push({ name, type, array, count, permissions, offset: offset === BY_NAME ? null : offset });
  }
  return parameters;
}
