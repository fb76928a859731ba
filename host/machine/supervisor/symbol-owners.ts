// The owners of the symbols that a module needs have to be loaded before it. The module waits for an owner that is still being
// loaded or restarted, as Linux waits for a module in the state "coming". A machine that reboots loads owners first.

import type { LoadedModule } from '../../domain/loaded.ts';
import { keyOf } from '../../linker/module/alias.ts';
import type { ModuleFile } from '../../linker/module/module-file.ts';
import { MODULE_UNFORMED } from '../../../kernel/abi/module.ts';
import { readModules } from '../inspect/lists.ts';
import type { KernelLife } from './kernel-life.ts';
import type { DriverStatus } from '../shared/types.ts';

/** The part of a driver that is read here. */
export interface Owner {
  readonly loaded: LoadedModule;
  state: DriverStatus['state'];
}

/** What a module needs from other modules. */
interface Requirements {
  /** Names of symbols, without the weak imports, which may stay unresolved. */
  symbols: ReadonlySet<string>;
  /** Keys of modules. */
  modules: ReadonlySet<string>;
}

/** A cache: the requirements of a file do not change, and are read at every restart. */
const requirements = new WeakMap<ModuleFile, Requirements>();

function requirementsOf(file: ModuleFile): Requirements {
  const wants = requirements.get(file);
  if (wants) return wants;
  const { imports, weak, needed } = file;
  const strong = imports.filter(({ module, name }) => !weak.has(`${module}.${name}`));
  const found = { symbols: new Set(strong.map(({ name }) => name)), modules: new Set(needed.map(keyOf)) };
  requirements.set(file, found);
  return found;
}

/** The drivers whose symbols a module needs, or that it needs by name. */
export function ownersOf<D extends Owner>({ file, name }: LoadedModule, drivers: Iterable<D>): D[] {
  const { symbols, modules } = requirementsOf(file);
  return [...drivers].filter(
    ({ loaded }) =>
      keyOf(loaded.name) !== keyOf(name) &&
      (modules.has(keyOf(loaded.name)) || loaded.file.symbols.some((symbol) => symbols.has(symbol.name))),
  );
}

/** The drivers that use the symbols of an owner, or need it by name. */
export function usersOf<D extends Owner>(owner: D, drivers: Iterable<D>): D[] {
  return [...drivers].filter(({ loaded }) => ownersOf(loaded, [owner]).length > 0);
}

/**
 * An owner of a module's symbols that will be up later: it starts, waits for its restart, or has died and the supervisor has
 * not heard of that.
 */
export function missingOwner<D extends Owner & { incarnation: { life: KernelLife } | null }>(
  loaded: LoadedModule,
  drivers: Iterable<D>,
  life: KernelLife,
): D | undefined {
  const owners = ownersOf(loaded, drivers);
  if (owners.length === 0) return undefined;
  const alive = new Set(
    readModules(life.memory)
      .filter(({ state }) => state !== MODULE_UNFORMED)
      .map(({ name }) => keyOf(name)),
  );
  return owners.find(
    ({ state, incarnation, loaded: { name } }) =>
      state === 'starting' ||
      state === 'waiting' ||
      (state === 'up' && incarnation?.life === life && !alive.has(keyOf(name))),
  );
}

/** @returns finds an owner of the module's symbols that has died since this call, also one whose death is not yet reported */
export function watchOwners<D extends Owner & { incarnation: { ending: boolean } | null }>(
  loaded: LoadedModule,
  drivers: Iterable<D>,
): () => D | null {
  const before = ownersOf(loaded, drivers).map((owner) => ({ owner, incarnation: owner.incarnation }));
  return () => before.find(({ incarnation }) => incarnation?.ending)?.owner ?? null;
}

/** Owners before their users, in the given order otherwise. */
export function ownersFirst<D extends Owner>(drivers: Iterable<D>): D[] {
  const all = [...drivers];
  const ordered = new Set<D>();
  const seen = new Set<D>();
  const visit = (driver: D): void => {
    if (seen.has(driver)) return;
    seen.add(driver);
    ownersOf(driver.loaded, all).forEach(visit);
    ordered.add(driver);
  };
  all.forEach(visit);
  return [...ordered];
}

/** Drivers that wait for their owners. */
export class OwnerWaits<D extends Owner> {
  private readonly waits = new Map<D, D>();
  private wakers: (() => void)[] = [];

  /** Wakes every waiting driver, which looks again for its missing owner. */
  changed(): void {
    for (const wake of this.wakers.splice(0)) wake();
  }

  /** @param missing the owner that is missing now; throws where there is no kernel any more */
  async wait(driver: D, missing: () => D | undefined): Promise<void> {
    try {
      for (let owner = missing(); owner && !this.waitsFor(owner, driver); owner = missing()) {
        this.waits.set(driver, owner);
        await new Promise<void>((resolve) => this.wakers.push(resolve));
      }
    } finally {
      this.waits.delete(driver);
    }
  }

  /** Whether `one` waits for `other`, also indirectly. Two drivers that need each other must not both wait. */
  waitsFor(one: D, other: D): boolean {
    for (let at: D | undefined = one; at; at = this.waits.get(at)) if (at === other) return true;
    return false;
  }
}
