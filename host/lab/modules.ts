// The modules that a lab has fetched, as a store for modprobe and the shell: where there are no files, on the page.

import type { LoadedModule } from '../domain/loaded.ts';
import { moduleName } from '../linker/alias.ts';
import { VERSION } from '../../kernel/abi/version.ts';
import type { ModuleStore } from '../machine/module-store.ts';

export class LabModules implements ModuleStore {
  /** Linux's place for them; nothing lies there. */
  readonly directory = `/lib/modules/${VERSION}`;
  readonly #modules: ReadonlyMap<string, LoadedModule>;

  constructor(modules: readonly LoadedModule[]) {
    this.#modules = new Map(modules.map((module) => [moduleName(module.name), module]));
  }

  list(): string[] {
    return [...this.#modules.values()].map(({ name }) => name).sort();
  }

  async load(name: string): Promise<LoadedModule> {
    const module = this.#modules.get(moduleName(name));
    if (!module) throw new Error(`there is no module ${name}`);
    return module;
  }
}
