// depmod: from the modules of a folder to the index that modprobe works with (module-index.ts draws it).
//
// A module needs the modules that export what it imports, and those that its dylink.0 names as NEEDED. As in kmod the
// name of a module is its file's, .modinfo's `depends` is not believed, and a symbol of the kernel is nobody's. Where two
// export the same the kernel comes first, then the first module: so would the loader find it. Pure: reads no file.

import { cleanText } from '../wasm/bytes.ts';
import { moduleName, normalAlias } from './alias.ts';
import { cyclesOf } from './cycles.ts';
import type { ExportedSymbol, ModuleFile } from './module-file.ts';
import type { IndexTexts } from './module-index.ts';

export interface DepmodFile {
  /** As it shall stand in modules.dep; no spaces. */
  path: string;
  file: ModuleFile;
}

export interface Problem {
  /** An error leaves modules out or makes them useless; a warning foretells a failure of insmod. */
  level: 'ERROR' | 'WARNING';
  text: string;
}

export interface Depmod {
  texts: IndexTexts;
  problems: Problem[];
  /** Modules need each other in a cycle: kmod writes no index then. */
  cyclic: boolean;
  /** Per module the modules that it needs itself: modinfo's `depends`. */
  depends: Map<string, string[]>;
}

export interface DepmodOptions {
  /** What the kernel exports. Unknown symbols and versions are told only when it is given. */
  kernel?: readonly ExportedSymbol[];
  /** Put before paths in messages. */
  directory?: string;
}

interface Wanted {
  name: string;
  /** Of the symbol that it was built against; null where it does not say. */
  crc: number | null;
  /** 0 does as well. */
  weak: boolean;
}

interface Node {
  name: string;
  path: string;
  file: ModuleFile;
  index: number;
  needs: Set<Node>;
  /** Where it stands among all in modules.dep: users before what they use. */
  rank: number;
}

/** The symbols that a module wants from others, each once. */
function wanted(file: ModuleFile): Wanted[] {
  const own = new Set(file.exports.map(({ name }) => name));
  const found = new Map<string, Wanted>();
  for (const entry of file.imports) {
    const { kind, module, name } = entry;
    // What it exports itself, wasm-ld asks for by its address as well: another module might have overridden it.
    const address = kind === 'global' && module.startsWith('GOT.') && !own.has(name);
    if (kind !== 'function' && !address) continue;
    const crc = file.versions.get(name) ?? (kind === 'function' ? entry.crc : null);
    const weak = file.weak.has(`${module}.${name}`) && found.get(name)?.weak !== false;
    found.set(name, { name, crc: found.get(name)?.crc ?? crc, weak });
  }
  return [...found.values()];
}

class Builder {
  readonly nodes: Node[] = [];
  readonly problems: Problem[] = [];
  cyclic = false;
  readonly #byName = new Map<string, Node>();
  readonly #owners = new Map<string, { owner: Node | null; crc: number }>();
  readonly #options: DepmodOptions;

  constructor(files: readonly DepmodFile[], options: DepmodOptions) {
    this.#options = options;
    for (const { path, file } of files) this.#add(path, file);
    for (const { name, crc } of options.kernel ?? []) this.#owners.set(name, { owner: null, crc });
    for (const node of this.nodes) this.#exports(node);
    for (const node of this.nodes) this.#dependencies(node);
    this.#order();
    this.#cycles();
  }

  #say(level: Problem['level'], text: string): void {
    this.problems.push({ level, text });
  }

  #shown({ path }: { path: string }): string {
    const { directory } = this.#options;
    return cleanText(directory === undefined || path.startsWith('/') ? path : `${directory}/${path}`);
  }

  #add(path: string, file: ModuleFile): void {
    const name = moduleName(path);
    if (name === '' || /[\s:#]/.test(path)) {
      this.#say('ERROR', `a module cannot be indexed by this path: ${this.#shown({ path })}`);
      return;
    }
    const known = this.#byName.get(name);
    if (known) {
      this.#say('WARNING', `${this.#shown({ path })} has the name of ${this.#shown(known)}`);
      return;
    }
    const node: Node = { name, path, file, index: this.nodes.length, needs: new Set(), rank: 0 };
    this.#byName.set(name, node);
    this.nodes.push(node);
  }

  #exports(node: Node): void {
    for (const symbol of node.file.symbols) {
      const known = this.#owners.get(symbol.name);
      if (known) {
        const owner = known.owner?.name ?? 'kernel';
        this.#say(
          'WARNING',
          `${this.#shown(node)} exports duplicate symbol ${symbol.name} (owned by ${owner})`,
        );
      } else {
        this.#owners.set(symbol.name, { owner: node, crc: symbol.crc });
      }
    }
  }

  #dependencies(node: Node): void {
    const { kernel } = this.#options;
    for (const { name, crc, weak } of wanted(node.file)) {
      const symbol = this.#owners.get(name);
      if (!symbol) {
        if (kernel && !weak) this.#say('WARNING', `${this.#shown(node)} needs unknown symbol ${name}`);
        continue;
      }
      if (kernel && crc !== null && symbol.crc !== crc) {
        this.#say('WARNING', `${this.#shown(node)} disagrees about version of symbol ${name}`);
      }
      if (symbol.owner && symbol.owner !== node) node.needs.add(symbol.owner);
    }
    for (const library of node.file.needed) {
      const found = this.#byName.get(moduleName(library));
      if (!found) this.#say('WARNING', `${this.#shown(node)} needs unknown module ${cleanText(library)}`);
      else if (found !== node) node.needs.add(found);
    }
  }

  /** Users first, by kmod's rule: of those that nobody left needs, the one that became so last comes next. */
  #order(): void {
    const users = this.nodes.map(() => 0);
    for (const { needs } of this.nodes) for (const { index } of needs) users[index]!++;
    const free = this.nodes.filter(({ index }) => users[index] === 0);
    let rank = 1;
    for (let node = free.pop(); node; node = free.pop()) {
      node.rank = rank++;
      for (const needed of node.needs) if (--users[needed.index]! === 0) free.push(needed);
    }
    // What is left lies in cycles or is needed by them.
    for (const node of this.nodes) if (node.rank === 0) node.rank = rank++;
  }

  #cycles(): void {
    const edges = this.nodes.map(({ needs }) => [...needs].map(({ index }) => index));
    const { cycles, nodes } = cyclesOf(edges);
    for (const cycle of cycles) {
      const names = cycle.map((index) => this.nodes[index]!.name);
      this.#say('ERROR', `Cycle detected: ${names.join(' -> ')}`);
    }
    this.cyclic = nodes > 0;
    if (this.cyclic) this.#say('ERROR', `Found ${nodes} modules in dependency cycles!`);
  }

  /** Everything that a module needs, users before what they use; never itself, even in a cycle. */
  closure(of: Node): Node[] {
    const all = new Set<Node>(of.needs);
    for (const node of all) for (const needed of node.needs) all.add(needed);
    all.delete(of);
    return [...all].sort((a, b) => a.rank - b.rank);
  }

  dep(): string {
    return this.nodes
      .map(
        (node) =>
          `${node.path}:${this.closure(node)
            .map(({ path }) => ` ${path}`)
            .join('')}\n`,
      ) // prettier-ignore
      .join('');
  }

  symbols(): string {
    const lines = this.nodes.flatMap((node) =>
      node.file.symbols
        .filter(({ name }) => this.#owners.get(name)?.owner === node)
        .map(({ name }) => `alias symbol:${name} ${node.name}\n`),
    );
    return `# Aliases for symbols, used by symbol_request().\n${lines.join('')}`;
  }

  alias(): string {
    return `# Aliases extracted from modules themselves.\n${this.#entries('alias', (node, value) => {
      if (/\s/.test(value) || cleanText(value) !== value || value === '') return null;
      // Written nevertheless, as by kmod; whoever reads the index passes it over.
      if (normalAlias(value) === null) this.#say('WARNING', `Unmatched bracket in ${value}`);
      return `alias ${value} ${node.name}\n`;
    })}`;
  }

  softdep(): string {
    return `# Soft dependencies extracted from modules themselves.\n${this.#entries(
      'softdep',
      (node, value) => (cleanText(value) === value ? `softdep ${node.name} ${value}\n` : null),
    )}`;
  }

  /** A line for each value of a key of .modinfo; what would break the line is left out and said. */
  #entries(key: string, line: (node: Node, value: string) => string | null): string {
    const found: string[] = [];
    for (const node of this.nodes) {
      for (const value of node.file.modinfo.get(key) ?? []) {
        const text = line(node, value);
        if (text !== null) found.push(text);
        else this.#say('WARNING', `${this.#shown(node)} has no valid ${key}: "${cleanText(value)}"`);
      }
    }
    return found.join('');
  }
}

/** Indexes modules, in the order in which they are given. Never fails: what is wrong with them is in `problems`. */
export function depmod(files: readonly DepmodFile[], options: DepmodOptions = {}): Depmod {
  const builder = new Builder(files, options);
  const texts: IndexTexts = {
    'modules.dep': builder.dep(),
    'modules.alias': builder.alias(),
    'modules.symbols': builder.symbols(),
    'modules.softdep': builder.softdep(),
  };
  const depends = builder.nodes.map(({ name, needs }): [string, string[]] => [
    name,
    [...needs].map((needed) => needed.name),
  ]);
  const { problems, cyclic } = builder;
  return { texts, problems, cyclic, depends: new Map(depends) };
}

/** `depmod: WARNING: ramdisk.ko.wasm needs unknown symbol kmalloc`. */
export function problemText({ level, text }: Problem): string {
  return `depmod: ${level}: ${text}`;
}
