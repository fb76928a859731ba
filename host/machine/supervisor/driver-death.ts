// The context of an oops for a driver's death or its warning.

import type { Fault } from '../../domain/fault.ts';
import type { OopsContext } from '../../domain/oops.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { COMPLAINT_CLIENT, COMPLAINT_OOPS, COMPLAINT_PROTOCOL } from '../../../kernel/abi/operation.ts';
import type { Driver, MachineServices } from './driver.ts';
import type { KernelLife } from './kernel-life.ts';
import { readModules, type ModuleEntry } from '../inspect/lists.ts';
import { CPU_KERNEL, cpuOfChannel, oopsContext, pidOfDriver } from '../inspect/oops-context.ts';
import type { DetectedBy } from '../shared/types.ts';

/** Why the kernel has given up an endpoint, by its COMPLAINT_ number. */
export function detectedByComplaint(reason: number): DetectedBy {
  if (reason === COMPLAINT_PROTOCOL) return 'protocol';
  if (reason === COMPLAINT_OOPS) return 'oops';
  return reason === COMPLAINT_CLIENT ? 'complaint' : 'deadline';
}

/** The drivers whose domain is in a memory: one, or those of a pool. */
export function driversIn<D extends Pick<Driver, 'incarnation'>>(
  memory: WebAssembly.Memory,
  drivers: Iterable<D>,
): D[] {
  return [...drivers].filter(({ incarnation }) => incarnation?.memory === memory);
}

/** What an oops says of a driver's domain. It is read at once, because the memory is reused soon and the pool gets other members. */
export interface DomainSnapshot {
  /** The modules in the domain's memory. */
  readonly modules: readonly ModuleEntry[];
  /** The files of its drivers, which may call each other, and their modules as the kernel lists them. */
  readonly files: readonly LoadedModule[];
  readonly entries: readonly ModuleEntry[];
}

/** @param drivers all of the machine */
export function snapshotDomain(driver: Driver, life: KernelLife, drivers: Iterable<Driver>): DomainSnapshot {
  const { incarnation, loaded } = driver;
  if (!incarnation) {
    const modules = readModules(life.memory);
    return { modules, files: [loaded], entries: modules };
  }
  const all = [...new Set([driver, ...driversIn(incarnation.memory, drivers)])];
  return {
    modules: readModules(incarnation.memory),
    files: all.map((each) => each.loaded),
    entries: all.flatMap((each) => entriesOf(each, life)),
  };
}

/** A driver's module as the kernel lists it. It is there before the supervisor hears that the driver was announced. */
function entriesOf({ incarnation, loaded }: Driver, life: KernelLife): ModuleEntry[] {
  if (incarnation && incarnation.entries.length > 0) return incarnation.entries;
  return readModules(life.memory).filter(({ name }) => name === loaded.name);
}

/**
 * @param driver as it was when it died
 * @param snapshot its domain as it was then
 * @param all the drivers of the machine, in the order in which they were loaded
 * @param lastUnloaded the module that was unloaded last
 */
export function deathContext(
  { images }: Pick<MachineServices, 'images'>,
  driver: Driver,
  life: KernelLife,
  fault: Fault,
  { modules, files, entries }: DomainSnapshot,
  all: readonly Driver[],
  lastUnloaded: string | null,
): OopsContext {
  const { loaded, incarnation, restarts, place } = driver;
  const cpu = place === 'sandbox' || !incarnation ? CPU_KERNEL : cpuOfChannel(incarnation.bell);
  const index = all.findIndex(({ loaded: { name } }) => name === loaded.name);
  const task = { number: restarts + 1, cpu, pid: pidOfDriver(all, index), comm: loaded.name };
  const texts = [...files, images.domain, images.driverLoop];
  return oopsContext(fault, task, life.memory, modules, texts, lastUnloaded, entries);
}
