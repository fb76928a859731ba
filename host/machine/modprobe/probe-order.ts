// In which order modprobe inserts: what a module needs before it, softdeps around each of them. Pure.

import { keyOf, fnmatch } from '../../linker/module/alias.ts';
import type { ModuleIndex, Softdep } from '../../linker/module/module-index.ts';
import type { ModprobeConfig } from './modprobe-config.ts';

export interface Step {
  module: string;
  /** It was asked for, or is needed by what was; when another one fails, modprobe goes on. */
  required: boolean;
}

/** A module's name, and the alias that it was found by. */
export interface FoundModule {
  module: string;
  alias: string | null;
}

export class ProbeOrder {
  readonly #index: ModuleIndex;
  readonly #config: ModprobeConfig;

  constructor(index: ModuleIndex, config: ModprobeConfig) {
    this.#index = index;
    this.#config = config;
  }

  /**
   * The modules that a name or an alias stands for: by an alias of the configuration, else the module of that name, else
   * one that a shell command stands for, else by the aliases of the modules.
   */
  lookUp(normal: string): FoundModule[] {
    const { aliases, commands } = this.#config;
    const configured = aliases.filter(({ pattern }) => fnmatch(pattern, normal));
    if (configured.length > 0) {
      return configured.map(({ pattern, module }) => ({ module, alias: pattern }));
    }
    const named = !normal.includes(':') && this.#index.module(normal);
    if (named) return [{ module: named.name, alias: null }];
    if (commands.some(({ module }) => module === normal)) return [{ module: normal, alias: null }];
    return this.#index.resolve(normal).map((module) => ({ module, alias: normal }));
  }

  dependencies(module: string): string[] {
    return this.#index.module(module)?.dependencies ?? [];
  }

  /** As in kmod the first line that fits is taken, the configuration's before the module's own; what is not there is left out. */
  softdeps(module: string): { pre: string[]; post: string[] } {
    const fits = (softdep: Softdep): boolean => fnmatch(softdep.module, module);
    const { pre, post } = this.#config.softdeps.find(fits) ??
      this.#index.softdeps.find(fits) ?? { pre: [], post: [] };
    const found = (names: string[]): string[] =>
      names.flatMap((name) => this.lookUp(keyOf(name)).map((each) => each.module));
    return { pre: found(pre), post: found(post) };
  }

  /**
   * What is to be inserted for a module, each once. Cycles of softdeps end where they meet themselves.
   * @param alone without the softdeps of the module itself, as `--ignore-install` asks
   */
  steps(module: string, alone = false): Step[] {
    const required = new Set([module, ...this.dependencies(module)]);
    const visited = new Set<string>();
    const order = new Set<string>();
    const around = (each: string): void => {
      const { pre, post } = this.softdeps(each);
      pre.forEach((name) => visit(name, false));
      order.add(each);
      post.forEach((name) => visit(name, false));
    };
    const visit = (each: string, bare: boolean): void => {
      if (visited.has(each)) return;
      visited.add(each);
      this.dependencies(each).forEach(around);
      if (bare) order.add(each);
      else around(each);
    };
    visit(module, alone);
    return [...order].map((each) => ({ module: each, required: required.has(each) }));
  }
}
