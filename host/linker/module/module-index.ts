// What depmod writes and modprobe reads: which module needs which, and by what other names it goes. Four texts in kmod's
// formats, so that an index may as well come from a file:
//
//   modules.dep      path: path path …        what the path needs, all of it; what needs others comes before what is needed
//   modules.symbols  alias symbol:S M         module M exports S
//   modules.alias    alias PATTERN M          M serves what PATTERN matches
//   modules.softdep  softdep M pre: a post: b a is wanted before M, b after it; neither has to be there

import { keyOf, fnmatch, moduleName, normalAlias } from './alias.ts';

/** The texts, by the names of their files. */
export interface IndexTexts {
  'modules.dep': string;
  'modules.alias': string;
  'modules.symbols': string;
  'modules.softdep': string;
}

export const INDEX_FILES = ['modules.dep', 'modules.alias', 'modules.symbols', 'modules.softdep'] as const;

export interface IndexedModule {
  /** With `_` for every `-`. */
  name: string;
  /** As in modules.dep: relative to the folder of the index, or absolute. */
  path: string;
  /** Names of all modules that it needs, directly or not, in the order in which they are inserted. */
  dependencies: string[];
}

export interface Softdep {
  /** A name, or a pattern for names. */
  module: string;
  pre: string[];
  post: string[];
}

/** Splits `pre: a b post: c`. What comes before the first `pre:` or `post:` means nothing. */
export function readSoftdep(module: string, text: string): Softdep {
  const softdep: Softdep = { module, pre: [], post: [] };
  let list: string[] | null = null;
  for (const word of text.split(/\s+/)) {
    if (word === 'pre:') list = softdep.pre;
    else if (word === 'post:') list = softdep.post;
    else if (word !== '') list?.push(word);
  }
  return softdep;
}

/** The lines of an index that say something, in words. */
function lines(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(/\s+/));
}

export class ModuleIndex {
  /** In the order of modules.dep. */
  readonly modules: ReadonlyMap<string, IndexedModule>;
  readonly softdeps: readonly Softdep[];
  readonly #aliases: readonly { pattern: string; module: string }[];
  readonly #symbols: ReadonlyMap<string, string>;

  /** Lines that are none are passed over, as kmod does: an index is made by a tool. */
  constructor(texts: IndexTexts) {
    const modules = new Map<string, IndexedModule>();
    for (const line of texts['modules.dep'].split('\n')) {
      const colon = line.indexOf(':');
      if (colon < 1 || line.startsWith('#')) continue;
      const path = line.slice(0, colon).trim();
      const name = moduleName(path);
      // The last one is needed by all others: it is inserted first.
      const needed = line
        .slice(colon + 1)
        .split(/\s+/)
        .filter((word) => word !== '')
        .reverse();
      if (!modules.has(name)) modules.set(name, { name, path, dependencies: needed.map(moduleName) });
    }
    this.modules = modules;
    const symbols = new Map<string, string>();
    for (const [word, symbol, module] of lines(texts['modules.symbols'])) {
      if (word === 'alias' && symbol && module && !symbols.has(symbol))
        symbols.set(symbol, moduleName(module));
    }
    this.#symbols = symbols;
    this.#aliases = lines(texts['modules.alias']).flatMap(([word, pattern, module]) => {
      const normal = word === 'alias' && pattern && module ? normalAlias(pattern) : null;
      return normal === null ? [] : [{ pattern: normal, module: moduleName(module!) }];
    });
    this.softdeps = lines(texts['modules.softdep']).flatMap(([word, module, ...rest]) =>
      word === 'softdep' && module ? [readSoftdep(moduleName(module), rest.join(' '))] : [],
    );
  }

  /** A module by its name; `-` and `_` are the same. */
  module(name: string): IndexedModule | null {
    return this.modules.get(keyOf(name)) ?? null;
  }

  /** The names of the modules that an alias stands for, in the order of the index: `symbol:S`, or what a pattern matches. */
  resolve(alias: string): string[] {
    const exporter = this.#symbols.get(alias);
    if (exporter !== undefined) return [exporter];
    const normal = normalAlias(alias);
    if (normal === null) return [];
    const found = this.#aliases.filter(({ pattern }) => fnmatch(pattern, normal));
    return [...new Set(found.map(({ module }) => module))];
  }
}
