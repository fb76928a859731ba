// Where modules lie before they are loaded: a folder in a terminal, files beside the page.

import type { LoadedModule } from '../../domain/loaded.ts';
import { depmod, type Depmod } from '../../linker/module/depmod.ts';
import type { ExportedSymbol } from '../../linker/module/module-file.ts';
import type { IndexTexts } from '../../linker/module/module-index.ts';
import type { ModprobeConfig } from './modprobe-config.ts';

export interface ModuleStore {
  /** As it is shown to people, without a slash at the end: `/lib/modules/0.1.0`. */
  readonly directory: string;
  /** Names of the modules in it, sorted; the file of `ramdisk` is `ramdisk.ko.wasm`. */
  list(): string[];
  /**
   * Reads, checks and compiles a module.
   * @param name of a module in the list (`-` and `_` are the same), its path below the directory, or any file where there are
   * files. Rejects with BadModule or the engine's CompileError where it is no module, else with an Error in words.
   */
  load(name: string): Promise<LoadedModule>;
}

/** A store with what modprobe wants to know of it. */
export interface ProbeStore extends ModuleStore {
  /** depmod's index of it as it is now. */
  index(): Promise<IndexTexts>;
  /** modprobe's configuration; its problems are to be said. */
  config(): ModprobeConfig;
}

/** What a module's file ends in. */
export const ENDING = '.ko.wasm';

/** `directory/path`, or the path alone where it is absolute. */
export function pathIn(store: ModuleStore, path: string): string {
  return path.startsWith('/') ? path : `${store.directory}/${path}`;
}

/** depmod over a store. A file that is no module is left out and said. */
export async function depmodStore(store: ModuleStore, kernel: readonly ExportedSymbol[]): Promise<Depmod> {
  const files: { path: string; file: LoadedModule['file'] }[] = [];
  const unread: string[] = [];
  for (const name of store.list()) {
    const path = `${name}${ENDING}`;
    try {
      files.push({ path, file: (await store.load(name)).file });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      unread.push(`failed to load symbols from ${pathIn(store, path)}: ${error.message}`);
    }
  }
  const made = depmod(files, { kernel, directory: store.directory });
  const problems = unread.map((text) => ({ level: 'ERROR' as const, text }));
  return { ...made, problems: [...problems, ...made.problems] };
}
