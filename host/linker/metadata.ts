// The custom sections of a module: dylink.0 of the WebAssembly tool conventions, and three with Linux's names.
//
//   dylink.0   sequence of u8 type, length, payload; MEM_INFO (1) = memory size, alignment (log2), table size, alignment
//   .modinfo   key=value, each ended by NUL; beside Linux's keys `globals`, the bytes of mutable globals at the data's start
//   __ksymtab  count; each: name, u8 flags (1 = GPL only), u32le crc, kinds (count and a byte per parameter)
//   __param    count; each: name, u8 type, u16le permissions, u32le offset from the memory base

import { BadModule, ByteReader, ByteWriter } from './bytes.ts';
import { PARAM_BOOL, PARAM_INT, PARAM_UINT, SYMBOL_GPL_ONLY } from '../../kernel/abi/module.ts';

export const SECTION = {
  dylink: 'dylink.0',
  info: '.modinfo',
  symbols: '__ksymtab',
  parameters: '__param',
  names: 'name',
  sourceMap: 'sourceMappingURL',
} as const;

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
  crc: number;
  /** What a gate must know of each parameter: 0 scalar, 1 input buffer, 2 output buffer, 3 length. */
  kinds: number[];
}

export type ParameterType = 'bool' | 'int' | 'uint';

export interface ModuleParameter {
  name: string;
  type: ParameterType;
  permissions: number;
  /** From the memory base; four bytes. */
  offset: number;
}

const MEM_INFO = 1;
const NEEDED = 2;
const IMPORT_INFO = 4;
/** Of an import's flags: the binding, and its value for a weak symbol. */
const BINDING = 3;
const WEAK = 1;
const MAX_KIND = 3;
const TYPES = new Map<ParameterType, number>([
  ['bool', PARAM_BOOL],
  ['int', PARAM_INT],
  ['uint', PARAM_UINT],
]);

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

export function readInfo(reader: ByteReader): Map<string, string[]> {
  const info = new Map<string, string[]>();
  const decoder = new TextDecoder();
  for (const entry of decoder.decode(reader.take(reader.left).slice()).split('\0')) {
    if (entry === '') continue;
    const equals = entry.indexOf('=');
    if (equals < 1)
      throw new BadModule(`.modinfo has an entry without a key: ${JSON.stringify(entry.slice(0, 40))}`);
    const key = entry.slice(0, equals);
    const values = info.get(key);
    if (values) values.push(entry.slice(equals + 1));
    else info.set(key, [entry.slice(equals + 1)]);
  }
  return info;
}

export function writeSymbols(to: ByteWriter, symbols: readonly ExportedSymbol[]): void {
  to.u32(symbols.length);
  for (const { name, gplOnly, crc, kinds } of symbols) {
    to.text(name)
      .u8(gplOnly ? SYMBOL_GPL_ONLY : 0)
      .u32le(crc)
      .u32(kinds.length);
    for (const kind of kinds) to.u8(kind);
  }
}

export function readSymbols(reader: ByteReader): ExportedSymbol[] {
  const symbols: ExportedSymbol[] = [];
  for (let left = reader.count(7); left > 0; left--) {
    const name = reader.text();
    const flags = reader.u8();
    const crc = reader.u32le();
    const kinds = [...reader.take(reader.count())];
    if (flags > SYMBOL_GPL_ONLY) throw new BadModule(`symbol ${name} has unknown flags ${flags}`);
    if (kinds.some((kind) => kind > MAX_KIND))
      throw new BadModule(`symbol ${name} has a parameter of unknown kind`);
    symbols.push({ name, gplOnly: (flags & SYMBOL_GPL_ONLY) !== 0, crc, kinds });
  }
  if (!reader.done) throw new BadModule(`__ksymtab has ${reader.left} bytes too many`);
  return symbols;
}

export function writeParameters(to: ByteWriter, parameters: readonly ModuleParameter[]): void {
  to.u32(parameters.length);
  for (const { name, type, permissions, offset } of parameters) {
    to.text(name).u8(TYPES.get(type)!).u16le(permissions).u32le(offset);
  }
}

export function readParameters(reader: ByteReader): ModuleParameter[] {
  const parameters: ModuleParameter[] = [];
  for (let left = reader.count(8); left > 0; left--) {
    const name = reader.text();
    const code = reader.u8();
    const type = [...TYPES].find(([, value]) => value === code)?.[0];
    if (!type) throw new BadModule(`parameter ${name} is of an unknown type ${code}`);
    parameters.push({ name, type, permissions: reader.u16le(), offset: reader.u32le() });
  }
  if (!reader.done) throw new BadModule(`__param has ${reader.left} bytes too many`);
  return parameters;
}
