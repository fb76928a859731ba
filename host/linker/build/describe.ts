// What a module says about itself: from the declarations in its source to its custom sections and exports.

import { refusalAt } from './arguments.ts';
import { ByteWriter } from '../wasm/bytes.ts';
import { setByConstructors } from './checks.ts';
import { wrongKinds } from '../module/claims.ts';
import { CONSTRUCTORS, type Build } from './compile.ts';
import { dataCrc, symbolCrc } from '../module/crc.ts';
import { PARAMETER_EXPORT, type ParameterDeclaration, type SymbolDeclaration } from './declarations.ts';
import type { Layout } from './layout.ts';
import {
  elementSize,
  GOT_MEMORY,
  MAX_COUNT,
  SECTION,
  writeInfo,
  writeParameters,
  writeSymbols,
  writeVersions,
  type ExportedSymbol,
  type ModuleParameter,
  type ParameterType,
} from '../module/metadata.ts';
import type { Places } from './places.ts';
import { LinkError, type Refusal } from './refusal.ts';
import { signatureOf, type Export, type Sections } from '../wasm/sections.ts';

export interface Described {
  /** Where a declaration does not fit what was built: then the rest is of no use. */
  refusals: Refusal[];
  /** asc's exports that stay. */
  exports: Export[];
  sections: [name: string, content: Uint8Array][];
}

/** AssemblyScript's types that a parameter, or an element of an array, may have: read as the loader writes them. */
const PARAMETER_TYPES = new Map<ParameterType, readonly string[]>([
  ['bool', ['bool']],
  ['int', ['i32', 'isize']],
  ['uint', ['u32', 'usize']],
  ['charp', ['usize']],
]);
const ARRAY = '~lib/staticarray/StaticArray';
/** Where an array's length in bytes lies, from its first element. */
const LENGTH_OFFSET = -4;

const ENTRY_POINTS: readonly string[] = [CONSTRUCTORS, 'init_module', 'cleanup_module'];

class Describer {
  readonly refusals: Refusal[] = [];
  private readonly built: Build;
  private readonly main: Sections;
  private readonly layout: Layout;
  private readonly places: Places;

  constructor(built: Build, main: Sections, layout: Layout, places: Places) {
    this.built = built;
    this.places = places;
    this.main = main;
    this.layout = layout;
  }

  symbols(): ExportedSymbol[] {
    const symbols: ExportedSymbol[] = [];
    for (const declaration of this.built.declarations.symbols) {
      const { name, range } = declaration;
      const entry = this.main.exports.find((one) => one.name === name);
      if (symbols.some((known) => known.name === name)) {
        this.refusals.push(refusalAt(range, `a symbol is exported twice: ${name}`));
      } else if (entry?.kind === 'function') symbols.push(this.function(declaration, entry));
      else if (entry?.kind === 'global') symbols.push(this.variable(declaration, entry));
      else {
        const reason = `the entry file exports no function or variable ${name}`;
        this.refusals.push(refusalAt(range, reason));
      }
    }
    return symbols;
  }

  private function({ name, gplOnly, range }: SymbolDeclaration, { index }: Export): ExportedSymbol {
    const signature = signatureOf(this.main, index)!;
    const kinds = this.built.kindsOf(name) ?? signature.parameters.map(() => 0);
    const wrong = wrongKinds(kinds, signature);
    if (wrong !== null) this.refusals.push(refusalAt(range, `${name} ${wrong}`));
    return { name, gplOnly, data: false, crc: symbolCrc(name, signature), kinds };
  }

  /** A variable in memory, or a constant that holds the address of static data. */
  private variable({ name, gplOnly, range }: SymbolDeclaration, { index }: Export): ExportedSymbol {
    const place = this.layout.globals[index]!;
    let offset = -1;
    if (place.kind === 'moved') offset = place.offset;
    else if (place.kind === 'address' && place.address.space === 'memory') offset = place.address.offset;
    if (offset < 0 || offset >= this.layout.size)
      this.refusals.push(refusalAt(range, `a symbol is a constant, which no memory holds: ${name}`));
    return { name, gplOnly, data: true, crc: dataCrc(name), kinds: [] };
  }

  /** What a module's imports are: functions of the kernel or of other modules, and addresses of their variables. */
  versions(): Map<string, number> {
    const versions = new Map<string, number>();
    for (const entry of this.main.imports) {
      const { module, name } = entry;
      let crc: number;
      if (entry.kind === 'function' && module === 'env') crc = symbolCrc(name, this.main.types[entry.type]!);
      else if (entry.kind === 'global' && module === GOT_MEMORY) crc = dataCrc(name);
      else continue;
      if ((versions.get(name) ?? crc) !== crc) {
        const reason = `a symbol is imported with two types: ${name}`;
        this.refusals.push({ reason, ...this.built.importOf(module, name) });
      }
      versions.set(name, crc);
    }
    return versions;
  }

  parameters(): ModuleParameter[] {
    const parameters: ModuleParameter[] = [];
    for (const declaration of this.built.declarations.parameters) {
      const { name, type, array, permissions } = declaration;
      const found = this.parameterPlace(declaration);
      if (found) parameters.push({ name, type, array, permissions, ...found });
    }
    return parameters;
  }

  /** Where a parameter lies and how many values it has, or a refusal. */
  private parameterPlace(
    declaration: ParameterDeclaration,
  ): Pick<ModuleParameter, 'offset' | 'count'> | null {
    const { name, type, array, range } = declaration;
    const wanted = PARAMETER_TYPES.get(type)!.map((each) => (array ? `${ARRAY}<${each}>` : each));
    const actual = this.built.parameterTypes.get(name) ?? 'of no type';
    if (!wanted.includes(actual)) {
      const short = (text: string): string => text.replace(ARRAY, 'StaticArray');
      const reason = `a parameter of type "${type}" must be ${wanted.map(short).join(' or ')}, not ${short(actual)}: ${name}`;
      this.refusals.push(refusalAt(range, reason));
      return null;
    }
    const index = this.main.exports.find((entry) => entry.name === PARAMETER_EXPORT + name)?.index;
    return array ? this.arrayPlace(declaration, index) : this.scalarPlace(declaration, index);
  }

  private scalarPlace(
    { name, range }: ParameterDeclaration,
    index: number | undefined,
  ): Pick<ModuleParameter, 'offset' | 'count'> | null {
    const place = index === undefined ? undefined : this.layout.globals[index];
    if (place?.kind !== 'moved') {
      this.refusals.push(refusalAt(range, `a parameter must be a variable of this file: ${name}`));
      return null;
    }
    if (setByConstructors(this.main, this.places, index!)) {
      this.refusals.push(refusalAt(range, `a parameter's initial value must be a constant: ${name}`));
      return null;
    }
    return { offset: place.offset, count: 1 };
  }

  /** A constant array's elements lie in static data, its length before them. */
  private arrayPlace(
    { name, type, range }: ParameterDeclaration,
    index: number | undefined,
  ): Pick<ModuleParameter, 'offset' | 'count'> | null {
    const place = index === undefined ? undefined : this.layout.globals[index];
    if (place?.kind !== 'address' || place.address.space !== 'memory') {
      this.refusals.push(refusalAt(range, `an array's initial values must be constants: ${name}`));
      return null;
    }
    const { offset } = place.address;
    let length = 0;
    for (let byte = 3; byte >= 0; byte--)
      length = length * 256 + (this.layout.image[offset + LENGTH_OFFSET + byte] ?? 0);
    const count = length / elementSize(type);
    if (count < 1 || count > MAX_COUNT) {
      this.refusals.push(
        refusalAt(range, `an array of parameters has 1 to ${MAX_COUNT} values, not ${count}: ${name}`),
      );
      return null;
    }
    return { offset, count };
  }
}

export interface DescribeOptions {
  name: string;
  kind: 'module' | 'image';
  vermagic: string;
  srcversion: string;
}

/** Describes a module. Throws LinkError where its name is none. */
export function describeModule(
  built: Build,
  main: Sections,
  layout: Layout,
  places: Places,
  { name, kind, vermagic, srcversion }: DescribeOptions,
): Described {
  if (!/^[A-Za-z0-9_-]{1,55}$/.test(name)) throw new LinkError([{ reason: `not a module name: ${name}` }]);
  const describer = new Describer(built, main, layout, places);
  const symbols = describer.symbols();
  const parameters = describer.parameters();
  const versions = kind === 'module' ? describer.versions() : new Map<string, number>();
  const { refusals } = describer;
  if (refusals.length) return { refusals, exports: [], sections: [] };

  // In modpost's order, which modinfo shows.
  const info: [string, string][] = [...built.declarations.info];
  if (kind === 'module') info.push(['srcversion', srcversion]);
  info.push(['name', name], ['vermagic', vermagic]);
  // Bytes at the front of the data that are mutable globals: the rest of what was loaded must not change.
  info.push(['globals', String(layout.shift)]);
  for (const parameter of built.declarations.parameters) {
    info.push(
      ['parm', `${parameter.name}:${parameter.description}`],
      ['parmtype', `${parameter.name}:${parameter.array ? 'array of ' : ''}${parameter.type}`],
      ['parmperm', `${parameter.name}:${parameter.permissions.toString(8).padStart(4, '0')}`],
    );
  }
  for (const persistent of built.declarations.persistent) info.push(['persist', persistent]);
  const sections: Described['sections'] = [];
  const add = (section: string, fill: (to: ByteWriter) => void): void => {
    const to = new ByteWriter();
    fill(to);
    sections.push([section, to.bytes()]);
  };
  add(SECTION.info, (to) => writeInfo(to, info));
  if (symbols.length) add(SECTION.symbols, (to) => writeSymbols(to, symbols));
  if (versions.size) add(SECTION.versions, (to) => writeVersions(to, versions));
  if (parameters.length) add(SECTION.parameters, (to) => writeParameters(to, parameters));

  const exported = new Set(symbols.map((symbol) => symbol.name));
  const stays = (entry: Export): boolean => {
    if (entry.kind === 'memory' || entry.kind === 'table' || entry.name.startsWith(PARAMETER_EXPORT))
      return false;
    return kind === 'image' || ENTRY_POINTS.includes(entry.name) || exported.has(entry.name);
  };
  return { refusals, exports: main.exports.filter(stays), sections };
}
