// Who has to be there before a module can be loaded: the owners of the symbols that it cannot do without. One that is still
// being loaded, or has died and will be back, is waited for, as Linux waits for a module that is coming; a machine that boots
// anew loads owners first.

import type { LoadedModule } from '../../domain/loaded.ts';
import { keyOf } from '../../linker/module/alias.ts';
import type { ModuleFile } from '../../linker/module/module-file.ts';
import { MODULE_UNFORMED } from '../../../kernel/abi/module.ts';
import { readModules } from '../inspect/lists.ts';
import type { KernelLife } from './kernel-life.ts';
import type { DriverStatus } from '../shared/types.ts';

/** What is looked at of a driver. */
export interface Owner {
  readonly loaded: LoadedModule;
  state: DriverStatus['state'];
}

/** What a module asks of others. */
interface Requirements {
  /** Names of symbols; weak imports need nobody. */
  symbols: ReadonlySet<string>;
  /** Keys of modules. */
  modules: ReadonlySet<string>;
}

/** A file's wants do not change, and are asked for at every restart. */
const known = new WeakMap<ModuleFile, Requirements>();

function requirementsOf(file: ModuleFile): Requirements {
  const wants = known.get(file);
  if (wants) return wants;
  const { imports, weak, needed } = file;
  const strong = imports.filter(({ module, name }) => !weak.has(`${module}.${name}`));
  const found = { symbols: new Set(strong.map(({ name }) => name)), modules: new Set(needed.map(keyOf)) };
  known.set(file, found);
  return found;
}

/** Those of `drivers` whose symbols, or who themselves, must be there for a module. */
export function ownersOf<D extends Owner>({ file, name }: LoadedModule, drivers: Iterable<D>): D[] {
  const { symbols, modules } = requirementsOf(file);
  return [...drivers].filter(
    ({ loaded }) =>
      keyOf(loaded.name) !== keyOf(name) &&
      (modules.has(keyOf(loaded.name)) || loaded.file.symbols.some((symbol) => symbols.has(symbol.name))),
  );
}

/** Those of `drivers` who use the symbols of one of them, or need it by name. */
export function usersOf<D extends Owner>(owner: D, drivers: Iterable<D>): D[] {
  return [...drivers].filter(({ loaded }) => ownersOf(loaded, [owner]).length > 0);
}

/**
 * One whose symbols a module needs, and that is on its way: it starts, waits for its restart, or has died and nobody has told
 * this yet.
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

/** @returns tells an owner of what a module uses that has died since, be it that nobody has been told */
export function watchOwners<D extends Owner & { incarnation: { doomed: boolean } | null }>(
  loaded: LoadedModule,
  drivers: Iterable<D>,
): () => D | null {
  const were = ownersOf(loaded, drivers).map((owner) => ({ owner, incarnation: owner.incarnation }));
  return () => were.find(({ incarnation }) => incarnation?.doomed)?.owner ?? null;
}

/** Owners before those who use them, in the given order otherwise. */
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
  private wake: (() => void)[] = [];

  /** Something has changed that somebody may wait for. */
  changed(): void {
    for (const wake of this.wake.splice(0)) wake();
  }

  /** @param missing the owner to be waited for now; throws where there is nothing to wait for any more */
  async until(driver: D, missing: () => D | undefined): Promise<void> {
    try {
      for (let owner = missing(); owner && !this.waitsFor(owner, driver); owner = missing()) {
        this.waits.set(driver, owner);
        await new Promise<void>((resolve) => this.wake.push(resolve));
      }
    } finally {
      this.waits.delete(driver);
    }
  }

  /** Whether one waits, by whatever detour, for another: two who need each other cannot both be first. */
  waitsFor(one: D, other: D): boolean {
    for (let at: D | undefined = one; at; at = this.waits.get(at)) if (at === other) return true;
    return false;
  }
}
