// The modules that a lab has fetched, as a store for modprobe and the shell: where there are no files, on the page.

import type { LoadedModule } from '../domain/loaded.ts';
import { moduleName } from '../linker/module/alias.ts';
import type { ExportedSymbol } from '../linker/module/module-file.ts';
import type { IndexTexts } from '../linker/module/module-index.ts';
import { emptyConfig, type ModprobeConfig } from '../machine/modprobe/modprobe-config.ts';
import { depmodStore, type ProbeStore } from '../machine/modprobe/module-store.ts';
import { VERSION } from '../../kernel/abi/version.ts';

export class LabModules implements ProbeStore {
  /** Linux's place for them; nothing lies there. */
  readonly directory = `/lib/modules/${VERSION}`;
  readonly #modules: ReadonlyMap<string, LoadedModule>;
  readonly #kernel: readonly ExportedSymbol[];
  #index: Promise<IndexTexts> | null = null;

  /** @param kernel what the kernel exports */
  constructor(modules: readonly LoadedModule[], kernel: readonly ExportedSymbol[]) {
    this.#modules = new Map(modules.map((module) => [moduleName(module.name), module]));
    this.#kernel = kernel;
  }

  list(): string[] {
    return [...this.#modules.values()].map(({ name }) => name).sort();
  }

  async load(name: string): Promise<LoadedModule> {
    const module = this.#modules.get(moduleName(name));
    if (!module) throw new Error(`there is no module ${name}`);
    return module;
  }

  index(): Promise<IndexTexts> {
    return (this.#index ??= depmodStore(this, this.#kernel).then(({ texts }) => texts));
  }

  /** None: the page has no files. */
  config(): ModprobeConfig {
    return emptyConfig();
  }
}
