// What a module says about itself: from the declarations in its source to its custom sections and exports.

import { ByteWriter } from './bytes.ts';
import { setByConstructors } from './checks.ts';
import { CONSTRUCTORS, type Build } from './compile.ts';
import { symbolCrc } from './crc.ts';
import { PARAMETER_EXPORT, refusalAt, type ParameterDeclaration } from './declarations.ts';
import type { Layout } from './layout.ts';
import {
  SECTION,
  writeInfo,
  writeParameters,
  writeSymbols,
  type ExportedSymbol,
  type ModuleParameter,
  type ParameterType,
} from './metadata.ts';
import type { Places } from './places.ts';
import { LinkError, type Refusal } from './refusal.ts';
import { signatureOf, type Export, type Sections } from './sections.ts';

export interface Described {
  /** asc's exports that stay. */
  exports: Export[];
  sections: [name: string, content: Uint8Array][];
}

/** AssemblyScript's types that a parameter of each type may have: 32 bits, and read as the loader writes them. */
const PARAMETER_TYPES = new Map<ParameterType, readonly string[]>([
  ['bool', ['bool']],
  ['int', ['i32', 'isize']],
  ['uint', ['u32', 'usize']],
  ['charp', ['usize']],
]);

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
    for (const { name, gplOnly, range } of this.built.declarations.symbols) {
      const entry = this.main.exports.find((one) => one.name === name);
      const signature = entry?.kind === 'function' ? signatureOf(this.main, entry.index) : null;
      if (!signature) this.refusals.push(refusalAt(range, `the entry file exports no function ${name}`));
      else if (symbols.some((known) => known.name === name)) {
        this.refusals.push(refusalAt(range, `a symbol is exported twice: ${name}`));
      } else {
        const kinds = signature.parameters.map(() => 0);
        symbols.push({ name, gplOnly, data: false, crc: symbolCrc(name, signature), kinds });
      }
    }
    return symbols;
  }

  parameters(): ModuleParameter[] {
    const parameters: ModuleParameter[] = [];
    for (const declaration of this.built.declarations.parameters) {
      const { name, type, permissions } = declaration;
      const offset = this.parameterOffset(declaration);
      if (offset !== null) parameters.push({ name, type, array: false, count: 1, permissions, offset });
    }
    return parameters;
  }

  private parameterOffset({ name, type, range }: ParameterDeclaration): number | null {
    const wanted = PARAMETER_TYPES.get(type)!;
    const actual = this.built.parameterTypes.get(name) ?? 'unknown';
    if (!wanted.includes(actual)) {
      this.refusals.push(
        refusalAt(range, `a parameter of type ${type} must be ${wanted.join(' or ')}, not ${actual}`),
      );
      return null;
    }
    const index = this.main.exports.find((entry) => entry.name === PARAMETER_EXPORT + name)?.index;
    const place = index === undefined ? undefined : this.layout.globals[index];
    if (place?.kind !== 'moved') {
      this.refusals.push(refusalAt(range, `a parameter must be a variable of this file: ${name}`));
      return null;
    }
    if (setByConstructors(this.main, this.places, index!)) {
      this.refusals.push(refusalAt(range, `a parameter's initial value must be a constant: ${name}`));
      return null;
    }
    return place.offset;
  }
}

/** Describes a module. Throws LinkError where a declaration does not fit what was built. */
export function describeModule(
  name: string,
  built: Build,
  main: Sections,
  layout: Layout,
  places: Places,
  kind: 'module' | 'image',
  vermagic: string | undefined,
): Described {
  if (!/^[A-Za-z0-9_-]{1,55}$/.test(name)) throw new LinkError([{ reason: `not a module name: ${name}` }]);
  const describer = new Describer(built, main, layout, places);
  const symbols = describer.symbols();
  const parameters = describer.parameters();
  if (describer.refusals.length) throw new LinkError(describer.refusals);

  const info: [string, string][] = [['name', name], ...built.declarations.info];
  if (vermagic !== undefined) info.push(['vermagic', vermagic]);
  // Bytes at the front of the data that are mutable globals: the rest of what was loaded must not change.
  info.push(['globals', String(layout.shift)]);
  for (const parameter of built.declarations.parameters) {
    info.push(
      ['parm', `${parameter.name}:${parameter.description}`],
      ['parmtype', `${parameter.name}:${parameter.type}`],
      ['parmperm', `${parameter.name}:0${parameter.permissions.toString(8)}`],
    );
  }
  const sections: Described['sections'] = [];
  const add = (section: string, fill: (to: ByteWriter) => void): void => {
    const to = new ByteWriter();
    fill(to);
    sections.push([section, to.bytes()]);
  };
  add(SECTION.info, (to) => writeInfo(to, info));
  if (symbols.length) add(SECTION.symbols, (to) => writeSymbols(to, symbols));
  if (parameters.length) add(SECTION.parameters, (to) => writeParameters(to, parameters));

  const exported = new Set(symbols.map((symbol) => symbol.name));
  const stays = (entry: Export): boolean => {
    if (entry.kind === 'memory' || entry.kind === 'table' || entry.name.startsWith(PARAMETER_EXPORT))
      return false;
    return kind === 'image' || ENTRY_POINTS.includes(entry.name) || exported.has(entry.name);
  };
  return { exports: main.exports.filter(stays), sections };
}
