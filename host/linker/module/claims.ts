// What a file claims of itself in its sections, checked against what it exports, imports and has of memory.
//
// A claim that does not hold refuses the file: the loader writes parameters where they are said to lie, and a gate carries
// a call as its symbol describes it.

import { BadModule } from '../wasm/bytes.ts';
import { dataCrc, symbolCrc } from './crc.ts';
import {
  elementSize,
  PARAMETER_TYPES,
  MAX_MODE,
  type AreaInfo,
  type ExportedSymbol,
  type ModuleParameter,
  type ParameterEntry,
} from './metadata.ts';
import type { ModuleExport, ModuleImport } from './module-types.ts';
import { cleanName } from '../wasm/names.ts';
import { TYPE } from '../wasm/opcodes.ts';
import { KIND_IN, KIND_LENGTH, KIND_OUT, KIND_SCALAR } from '../../../kernel/abi/module.ts';
import type { Signature } from '../wasm/sections.ts';

/** A name as the loader may use it. */
export function plain(name: string, what: string): string {
  if (name === '' || cleanName(name) !== name)
    throw new BadModule(`not a name of ${what}: "${cleanName(name)}"`);
  return name;
}

/** Why parameters of these kinds cannot be carried, null where they can. */
export function wrongKinds(kinds: readonly number[], { parameters }: Signature): string | null {
  if (kinds.length !== parameters.length)
    return `describes ${kinds.length} parameters of ${parameters.length}`;
  let buffer = false;
  for (const [index, kind] of kinds.entries()) {
    if (kind !== KIND_SCALAR && parameters[index] !== TYPE.i32)
      return `has a buffer or length that is no 32-bit number: parameter ${index + 1}`;
    if (kind === KIND_LENGTH && !buffer)
      return `has a length without a buffer before it: parameter ${index + 1}`;
    const opens = kind === KIND_IN || kind === KIND_OUT;
    if (opens && buffer) return `has a buffer without a length behind it: parameter ${index}`;
    if (kind !== KIND_SCALAR) buffer = opens;
  }
  return buffer ? 'has a buffer without a length behind it' : null;
}

export class Claims {
  private readonly memory: AreaInfo;
  private readonly exports: ReadonlyMap<string, ModuleExport>;

  constructor(memory: AreaInfo, exports: readonly ModuleExport[]) {
    this.memory = memory;
    this.exports = new Map(exports.map((entry) => [entry.name, entry]));
  }

  /** Symbols with their CRC and a kind for each parameter. */
  symbols(symbols: readonly ExportedSymbol[]): ExportedSymbol[] {
    const seen = new Set<string>();
    return symbols.map((symbol) => {
      const { name } = symbol;
      plain(name, 'a symbol');
      if (seen.has(name)) throw new BadModule(`symbol ${name} stands twice in __ksymtab`);
      seen.add(name);
      // A C macro cannot tell a variable from a function.
      const data = symbol.data || this.exports.get(name)?.kind === 'global';
      return data ? this.variable({ ...symbol, data }) : this.function(symbol);
    });
  }

  private variable(symbol: ExportedSymbol): ExportedSymbol {
    const { name, crc, kinds } = symbol;
    const value = this.exports.get(name)?.value ?? null;
    if (value === null) throw new BadModule(`symbol ${name} is no exported variable`);
    if (value < 0 || value >= this.memory.size)
      throw new BadModule(`symbol ${name} lies outside of its memory: ${value}`);
    if (kinds.length > 0) throw new BadModule(`symbol ${name} is a variable with parameters`);
    return { ...symbol, crc: crc === 0 ? dataCrc(name) : crc };
  }

  private function(symbol: ExportedSymbol): ExportedSymbol {
    const { name, crc } = symbol;
    const signature = this.exports.get(name)?.signature;
    if (!signature) throw new BadModule(`symbol ${name} is no exported function`);
    const kinds = symbol.kinds.length > 0 ? symbol.kinds : signature.parameters.map(() => KIND_SCALAR);
    const wrong = wrongKinds(kinds, signature);
    if (wrong !== null) throw new BadModule(`symbol ${name} ${wrong}`);
    return { ...symbol, kinds, crc: crc === 0 ? symbolCrc(name, signature) : crc };
  }

  /** Parameters, those of `__param` and those that .modinfo alone tells of, with their places. */
  parameters(entries: readonly ParameterEntry[], modinfo: ReadonlyMap<string, string[]>): ModuleParameter[] {
    const found = new Map<string, ModuleParameter>();
    for (const entry of [...entries, ...derived(entries, modinfo)]) {
      const { name, type, count } = entry;
      plain(name, 'a parameter');
      if (found.has(name)) throw new BadModule(`parameter ${name} stands twice in __param`);
      const offset = entry.offset ?? this.exports.get(name)?.value ?? null;
      if (offset === null) throw new BadModule(`parameter ${name} is no exported variable`);
      if (offset < 0 || offset + elementSize(type) * count > this.memory.size)
        throw new BadModule(`parameter ${name} lies outside of its memory: ${offset}`);
      found.set(name, { ...entry, offset });
    }
    for (const name of modinfo.get('persist') ?? []) {
      if (!found.has(name)) throw new BadModule(`persistent data is no parameter: ${cleanName(name)}`);
    }
    return [...found.values()];
  }

  /** Each version is that of an import. */
  versions(versions: Map<string, number>, imports: readonly ModuleImport[]): Map<string, number> {
    const known = new Set(
      imports
        .filter(({ kind, module }) => kind === 'function' || module.startsWith('GOT.'))
        .map(({ name }) => name),
    );
    for (const name of versions.keys()) {
      plain(name, 'a symbol');
      if (!known.has(name)) throw new BadModule(`__versions names no import: ${name}`);
    }
    return versions;
  }
}

/** `name:value` of .modinfo. */
function named(modinfo: ReadonlyMap<string, string[]>, key: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of modinfo.get(key) ?? []) {
    const colon = entry.indexOf(':');
    if (colon < 1) throw new BadModule(`.modinfo has a ${key} without a name: ${cleanName(entry)}`);
    found.set(entry.slice(0, colon), entry.slice(colon + 1));
  }
  return found;
}

/** Parameters that only .modinfo tells of, as a C compiler's do: they are exported variables. */
function derived(
  entries: readonly ParameterEntry[],
  modinfo: ReadonlyMap<string, string[]>,
): ParameterEntry[] {
  const known = new Set(entries.map(({ name }) => name));
  const modes = named(modinfo, 'parmperm');
  return [...named(modinfo, 'parmtype')].flatMap(([name, text]): ParameterEntry[] => {
    if (known.has(name)) return [];
    if (text.startsWith('array of '))
      throw new BadModule(`parameter ${name} is an array, and no __param entry says of how many values`);
    const type = PARAMETER_TYPES.find((each) => each === text);
    if (!type) throw new BadModule(`parameter ${name} is of an unknown type ${text}`);
    const mode = modes.get(name) ?? '0';
    const permissions = /^[0-7]{1,5}$/.test(mode) ? Number.parseInt(mode, 8) : Infinity;
    if (permissions > MAX_MODE) throw new BadModule(`parameter ${name} has unknown permissions ${mode}`);
    return [{ name, type, array: false, count: 1, permissions, offset: null }];
  });
}
