// Reads a module's file, ours or a stranger's, and checks everything that the loader will rely on.
//
// readModule throws BadModule and nothing else, whatever the bytes are; its work and memory are proportional to them.
// It does not check code: the engine does that when it compiles. Names that could forge a line of a log are refused
// where the loader uses them, and cleaned in the name section, which is only for people.

import { BadModule, ByteReader } from '../wasm/bytes.ts';
import { Claims, plain } from './claims.ts';
import type { Constant } from '../wasm/constant.ts';
import { symbolCrc } from './crc.ts';
import {
  readDylink,
  readInfo,
  readParameters,
  readSymbols,
  readVersions,
  SECTION,
  type AreaInfo,
  type ExportedSymbol,
  type ModuleParameter,
} from './metadata.ts';
import type { ModuleExport, ModuleImport } from './module-types.ts';
import { cleanName, readNames, shortName, type Names } from '../wasm/names.ts';
import { OP, typeName } from '../wasm/opcodes.ts';
import { importedCount, readSections, signatureOf, type Sections } from '../wasm/sections.ts';

export { BadModule } from '../wasm/bytes.ts';
export type { AreaInfo, ExportedSymbol, ModuleParameter, ParameterType } from './metadata.ts';
export type { Limits, Signature } from '../wasm/sections.ts';

export const MAX_MODULE_MEMORY = 0x4000000;
export const MAX_MODULE_TABLE = 65536;

export interface ModuleFile {
  /** From .modinfo, else from the name section; may be empty. */
  name: string;
  /** What engines show: the name section's. */
  shownName: string;
  memory: AreaInfo;
  table: AreaInfo;
  /** Libraries that dylink.0 asks for. */
  needed: string[];
  /** Imports that are 0 where nobody has them, as `module.name`. */
  weak: ReadonlySet<string>;
  /** Keys of .modinfo with all their values. */
  modinfo: Map<string, string[]>;
  /** Every function among them has its kinds, every symbol its CRC, also where the file leaves them out. */
  symbols: ExportedSymbol[];
  /** Also those that .modinfo alone tells of. */
  parameters: ModuleParameter[];
  /** CRCs of the imports that it was built against; empty where the file does not say. */
  versions: Map<string, number>;
  imports: ModuleImport[];
  exports: ModuleExport[];
  /** Its own functions, with names that may be shown and where their bodies lie in the file. */
  functions: { name: string; start: number }[];
  /** Offsets and lengths of what is copied to the memory base, and of the slots filled from the table base. */
  data: { offset: number; length: number }[];
  elements: { offset: number; count: number }[];
  /** Whether it has a function that runs on instantiation. */
  hasStart: boolean;
  sourceMappingURL: string | null;
}

/** The content of the one custom section of a name. */
function custom(sections: Sections, name: string): ByteReader | null {
  const found = sections.custom.filter((section) => section.name === name);
  if (found.length > 1) throw new BadModule(`more than one section ${name}`);
  return found[0] ? new ByteReader(sections.bytes, found[0].start, found[0].end) : null;
}

function readImports(sections: Sections): ModuleImport[] {
  return sections.imports.map((entry): ModuleImport => {
    const { module, name } = entry;
    plain(module, 'an import');
    plain(name, 'an import');
    if (entry.kind === 'function') {
      const signature = sections.types[entry.type];
      if (!signature) throw new BadModule(`import ${module}.${name} has no type ${entry.type}`);
      return { module, name, kind: 'function', signature, crc: symbolCrc(name, signature) };
    }
    if (entry.kind === 'global') {
      return { module, name, kind: 'global', valueType: typeName(entry.type), mutable: entry.mutable };
    }
    return { module, name, kind: entry.kind, limits: entry.limits };
  });
}

class Checker {
  private readonly sections: Sections;
  private readonly memory: AreaInfo;
  private readonly table: AreaInfo;
  private readonly importedGlobals: string[];

  constructor(sections: Sections, memory: AreaInfo, table: AreaInfo) {
    this.sections = sections;
    this.memory = memory;
    this.table = table;
    this.importedGlobals = sections.imports
      .filter((entry) => entry.kind === 'global')
      .map(({ module, name }) => `${module}.${name}`);
    this.areas();
    this.code();
  }

  private areas(): void {
    const { sections, memory, table } = this;
    if (memory.size > MAX_MODULE_MEMORY)
      throw new BadModule(`it wants too much memory: ${memory.size} bytes`);
    if (table.size > MAX_MODULE_TABLE)
      throw new BadModule(`it wants too much of the table: ${table.size} slots`);
    const count = (kind: 'memory' | 'table'): number =>
      sections.imports.filter((entry) => entry.kind === kind).length;
    if (sections.memories.length) throw new BadModule('it has a memory of its own');
    if (sections.tables.length) throw new BadModule('it has a table of its own');
    if (count('memory') > 1) throw new BadModule('it imports more than one memory');
    if (count('table') > 1) throw new BadModule('it imports more than one table');
    // An engine has limits of its own, and throws something else than its usual refusal beyond them.
    for (const entry of sections.imports)
      if (entry.kind === 'table' && entry.limits.minimum > MAX_MODULE_TABLE)
        throw new BadModule(`it imports too large a table: ${entry.limits.minimum} slots`);
  }

  private code(): void {
    const { sections } = this;
    for (const type of sections.functions) {
      if (!sections.types[type]) throw new BadModule(`a function has no type ${type}`);
    }
    if (sections.start !== null && !signatureOf(sections, sections.start)) {
      throw new BadModule(`the start function does not exist: ${sections.start}`);
    }
  }

  /** Offset of a segment from the base that it must lie at. */
  private offset(constant: Constant, base: string, what: string): number {
    if (this.importedGlobals[constant.base] !== base) throw new BadModule(`${what} does not lie at ${base}`);
    return constant.value;
  }

  data(): ModuleFile['data'] {
    return this.sections.data.flatMap(({ offset, start, end }) => {
      if (!offset) return [];
      const length = end - start;
      const from = this.offset(offset, 'env.__memory_base', 'a data segment');
      if (from < 0 || from + length > this.memory.size) {
        throw new BadModule(
          `a data segment lies outside of its memory: ${from} and ${length} bytes of ${this.memory.size}`,
        );
      }
      return [{ offset: from, length }];
    });
  }

  elements(): ModuleFile['elements'] {
    return this.sections.elements.map(({ offset, functions }) => {
      const count = functions.length;
      const from = this.offset(offset, 'env.__table_base', 'an element segment');
      if (from < 0 || from + count > this.table.size) {
        throw new BadModule(
          `an element segment lies outside of its slots: ${from} and ${count} of ${this.table.size}`,
        );
      }
      for (const index of functions) {
        if (!signatureOf(this.sections, index))
          throw new BadModule(`a table slot names no function: ${index}`);
      }
      return { offset: from, count };
    });
  }

  exports(): ModuleExport[] {
    const { sections } = this;
    const seen = new Set<string>();
    return sections.exports.map(({ name, kind, index }) => {
      plain(name, 'an export');
      if (seen.has(name)) throw new BadModule(`it exports ${name} twice`);
      seen.add(name);
      const signature = kind === 'function' ? signatureOf(sections, index) : null;
      if (kind === 'function' && !signature) throw new BadModule(`export ${name} is no function: ${index}`);
      return {
        name,
        kind,
        index,
        signature,
        value: kind === 'global' ? this.globalValue(name, index) : null,
      };
    });
  }

  private globalValue(name: string, index: number): number | null {
    const imported = this.importedGlobals.length;
    if (index < imported) return null;
    const global = this.sections.globals[index - imported];
    if (!global) throw new BadModule(`export ${name} is no global: ${index}`);
    const { mutable, init } = global;
    return !mutable && init.opcode === OP.i32Const && init.base < 0 ? init.value : null;
  }
}

function namesOf(sections: Sections): Names | null {
  const [section, ...more] = sections.custom.filter(({ name }) => name === SECTION.names);
  if (more.length > 0) throw new BadModule(`more than one section ${SECTION.names}`);
  return section ? readNames(sections.bytes, section.start, section.end) : null;
}

/** What lld writes as a module's name. */
const OUTPUT_FILE = /(\.ko)?\.(wasm|so)$/;

/** The module's name. Engines show the name section's in a stack: a module must not go by two names. */
function nameOf(shownName: string, modinfo: Map<string, string[]>): string {
  const shown = shownName.replace(OUTPUT_FILE, '');
  const own = modinfo.get('name')?.[0];
  if (own === undefined) return shown;
  // A linker's output may be called anything.
  if (shown !== shownName) return plain(own, 'a module');
  if (shown !== '' && shown !== own)
    throw new BadModule(`its .modinfo and its name section disagree: ${own}, ${shown}`);
  return plain(own, 'a module');
}

/** Reads and checks a module's file. Throws BadModule, and nothing else. */
export function readModule(bytes: Uint8Array): ModuleFile {
  const sections = readSections(bytes);
  const dylink = custom(sections, SECTION.dylink);
  if (!dylink || !sections.dylinkFirst) throw new BadModule('it does not begin with a dylink.0 section');
  const { memory, table, needed, weak } = readDylink(dylink);
  const checker = new Checker(sections, memory, table);
  const exports = checker.exports();
  const info = custom(sections, SECTION.info);
  const modinfo = info ? readInfo(info) : new Map<string, string[]>();
  const imports = readImports(sections);
  const claims = new Claims(memory, exports);
  const entries = <T>(section: string, read: (reader: ByteReader) => T): T =>
    read(custom(sections, section) ?? new ByteReader(new Uint8Array()));
  const url = custom(sections, SECTION.sourceMap);
  const names = namesOf(sections);
  const shownName = names?.module ?? '';
  const imported = importedCount(sections, 'function');
  const functions = sections.bodies.map(({ start }, own) => {
    const name = names?.functions.get(imported + own) ?? `function${imported + own}`;
    return { name: shortName(name), start };
  });
  return {
    name: nameOf(shownName, modinfo),
    shownName,
    memory,
    table,
    needed,
    weak,
    modinfo,
    symbols: claims.symbols(entries(SECTION.symbols, readSymbols)),
    parameters: claims.parameters(entries(SECTION.parameters, readParameters), modinfo),
    versions: claims.versions(entries(SECTION.versions, readVersions), imports),
    imports,
    exports,
    functions,
    data: checker.data(),
    elements: checker.elements(),
    hasStart: sections.start !== null,
    sourceMappingURL: url ? cleanName(url.text()) : null,
  };
}

/** Finds an entry of a list by its name, in a file that may have thousands. */
function byName<T extends { name: string }>(
  list: (file: ModuleFile) => readonly T[],
): (file: ModuleFile, name: string) => T | undefined {
  const known = new WeakMap<readonly T[], ReadonlyMap<string, T>>();
  return (file, name) => {
    const entries = list(file);
    let map = known.get(entries);
    if (!map) known.set(entries, (map = new Map(entries.map((entry) => [entry.name, entry]))));
    return map.get(name);
  };
}

/** What a file exports to the loader under a name. */
export const exported = byName(({ exports }) => exports);
/** What it exports to other modules under a name. */
export const symbolNamed = byName(({ symbols }) => symbols);

/** Where an exported variable lies, from the memory base. */
export function dataOffset(file: ModuleFile, name: string): number {
  return exported(file, name)?.value ?? 0;
}
