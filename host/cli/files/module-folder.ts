// A folder of modules, NAME.ko.wasm, with depmod's index (as it is written, where it is newer than the modules, else made
// anew) and modprobe's configuration (modprobe.conf and modprobe.d/*.conf in the folder).
// A word with a / in it, or with the ending, is a file of the user's.

import { existsSync, readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { LoadedModule } from '../../domain/loaded.ts';
import { keyOf } from '../../linker/module/alias.ts';
import { depmod, type Depmod, type DepmodFile, type Problem } from '../../linker/module/depmod.ts';
import { BadModule, readModule, type ExportedSymbol } from '../../linker/module/module-file.ts';
import { INDEX_FILES, ModuleIndex, type IndexTexts } from '../../linker/module/module-index.ts';
import { emptyConfig, readConfig, type ModprobeConfig } from '../../machine/modprobe/modprobe-config.ts';
import { ENDING, type ProbeStore } from '../../machine/modprobe/module-store.ts';
import { readBytes, readText } from './user-files.ts';
import { explained, Failure } from '../io.ts';
import { loadModuleFile } from '../machines.ts';
import { IMAGES } from '../root.ts';

/** What the kernel of this project exports. */
export function kernelSymbols(): readonly ExportedSymbol[] {
  return readModule(readBytes(join(IMAGES, 'kernel.wasm'))).symbols;
}

export class ModuleFolder implements ProbeStore {
  readonly directory: string;
  /** What was compiled, and the file's time and size then. */
  readonly #loaded = new Map<string, { stamp: string; module: LoadedModule }>();

  /** @throws Failure where there is no such folder */
  constructor(folder: string) {
    this.directory = folder.replace(/(.)\/+$/, '$1');
    this.list();
  }

  list(): string[] {
    return this.files().map((path) => path.slice(0, -ENDING.length));
  }

  /** Paths below the folder, sorted. */
  files(): string[] {
    try {
      return readdirSync(this.directory)
        .filter((file) => file.endsWith(ENDING) && file !== ENDING)
        .sort();
    } catch (error) {
      throw new Failure(`the folder of modules cannot be read: ${explained(error)}: ${this.directory}`);
    }
  }

  /** The file that a word names: a module of the folder, or a file. */
  fileOf(word: string): string {
    if (word.includes('/') || word.endsWith('.wasm')) return word;
    return join(
      this.directory,
      `${this.list().find((each) => keyOf(each) === keyOf(word)) ?? word}${ENDING}`,
    );
  }

  async load(name: string): Promise<LoadedModule> {
    const file = this.fileOf(name);
    try {
      const stamp = stampOf(statSync(file));
      const known = this.#loaded.get(file);
      if (known?.stamp === stamp) return known.module;
      const module = await loadModuleFile(file);
      this.#loaded.set(file, { stamp, module });
      return module;
    } catch (error) {
      if (error instanceof Error && 'code' in error) throw new Error(explained(error), { cause: error });
      throw error;
    }
  }

  /** depmod over the folder. A file that is no module is said and left out. */
  depmod(kernel: readonly ExportedSymbol[] = kernelSymbols()): Depmod {
    const files: DepmodFile[] = [];
    const problems: Problem[] = [];
    for (const path of this.files()) {
      const whole = join(this.directory, path);
      try {
        files.push({ path, file: readModule(readBytes(whole)) });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const reason = explained(error);
        problems.push({ level: 'ERROR', text: `failed to load symbols from ${whole}: ${reason}` });
      }
    }
    const made = depmod(files, { kernel, directory: this.directory });
    return { ...made, problems: [...problems, ...made.problems] };
  }

  /** The index of the folder: what is written there, unless modules have come, gone or changed since. */
  async index(): Promise<IndexTexts> {
    const [dep, ...others] = INDEX_FILES.map((name) => join(this.directory, name));
    if (![dep!, ...others].every((path) => existsSync(path))) return this.depmod().texts;
    const files = this.files();
    const written = statSync(dep!).mtimeMs;
    const changed = files.some((path) => statSync(join(this.directory, path)).mtimeMs > written);
    const text = (name: string): string => readText('the index', join(this.directory, name));
    const texts: IndexTexts = {
      'modules.dep': text('modules.dep'),
      'modules.alias': text('modules.alias'),
      'modules.symbols': text('modules.symbols'),
      'modules.softdep': text('modules.softdep'),
    };
    const listed = [...new ModuleIndex(texts).modules.values()].map(({ path }) => path);
    return changed || listed.sort().join() !== files.join() ? this.depmod().texts : texts;
  }

  /** modprobe.conf, then the files of modprobe.d by their names. */
  config(): ModprobeConfig {
    const folder = join(this.directory, 'modprobe.d');
    const more = existsSync(folder) ? readdirSync(folder).filter((file) => /^[^.].*\.conf$/.test(file)) : [];
    const config = emptyConfig();
    for (const file of [
      join(this.directory, 'modprobe.conf'),
      ...more.sort().map((each) => join(folder, each)),
    ]) {
      if (existsSync(file)) readConfig(readText('the configuration', file), file, config);
    }
    return config;
  }
}

/** What is a file's fault, or the system's. */
const isRefusal = (error: unknown): boolean =>
  error instanceof BadModule || error instanceof Failure || (error instanceof Error && 'code' in error);

const stampOf = ({ mtimeMs, size, ino }: Stats): string => `${mtimeMs} ${size} ${ino}`;
