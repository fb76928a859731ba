// What is written down of a driver's death or of its warning: the context of an oops.

import type { Fault } from '../../domain/fault.ts';
import type { OopsContext } from '../../domain/oops.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { COMPLAINT_CLIENT, COMPLAINT_OOPS, COMPLAINT_PROTOCOL } from '../../../kernel/abi/operation.ts';
import type { Driver, MachineServices } from './driver.ts';
import type { KernelLife } from './kernel-life.ts';
import { readModules, type ModuleEntry } from '../inspect/lists.ts';
import { CPU_KERNEL, cpuOfChannel, oopsContext, pidOfDriver } from '../inspect/oops-context.ts';
import type { DetectedBy } from '../shared/types.ts';

/** What the kernel has against an endpoint that it has given up, by its COMPLAINT_ number. */
export function complaintOf(reason: number): DetectedBy {
  if (reason === COMPLAINT_PROTOCOL) return 'protocol';
  if (reason === COMPLAINT_OOPS) return 'oops';
  return reason === COMPLAINT_CLIENT ? 'complaint' : 'deadline';
}

/** Those of `drivers` who live in a memory: one, or those of a pool. */
export function livingIn<D extends Pick<Driver, 'incarnation'>>(
  memory: WebAssembly.Memory,
  drivers: Iterable<D>,
): D[] {
  return [...drivers].filter(({ incarnation }) => incarnation?.memory === memory);
}

/** What an oops tells of a driver's domain, as it is now: soon its memory is somebody else's, and in its pool live others. */
export interface Scene {
  /** The modules that lie in it. */
  readonly inside: readonly ModuleEntry[];
  /** Its drivers' files, whose code calls each other, and their modules as the kernel has them. */
  readonly files: readonly LoadedModule[];
  readonly entries: readonly ModuleEntry[];
}

/** @param drivers all of the machine */
export function sceneOf(driver: Driver, life: KernelLife, drivers: Iterable<Driver>): Scene {
  const { incarnation, loaded } = driver;
  if (!incarnation) {
    const inside = readModules(life.memory);
    return { inside, files: [loaded], entries: inside };
  }
  const all = [...new Set([driver, ...livingIn(incarnation.memory, drivers)])];
  return {
    inside: readModules(incarnation.memory),
    files: all.map((each) => each.loaded),
    entries: all.flatMap((each) => entriesOf(each, life)),
  };
}

/** A driver's module as the kernel has it; it has it before the supervisor hears that it was announced. */
function entriesOf({ incarnation, loaded }: Driver, life: KernelLife): ModuleEntry[] {
  if (incarnation && incarnation.entries.length > 0) return incarnation.entries;
  return readModules(life.memory).filter(({ name }) => name === loaded.name);
}

/**
 * @param driver as it was when it died
 * @param scene what its domain was then
 * @param all the drivers of the machine, in the order in which they were loaded
 * @param lastUnloaded the module that was unloaded last
 */
export function deathContext(
  { images }: Pick<MachineServices, 'images'>,
  driver: Driver,
  life: KernelLife,
  fault: Fault,
  { inside, files, entries }: Scene,
  all: readonly Driver[],
  lastUnloaded: string | null,
): OopsContext {
  const { loaded, incarnation, restarts, place } = driver;
  const cpu = place === 'sandbox' || !incarnation ? CPU_KERNEL : cpuOfChannel(incarnation.bell);
  const index = all.findIndex(({ loaded: { name } }) => name === loaded.name);
  const task = { number: restarts + 1, cpu, pid: pidOfDriver(all, index), comm: loaded.name };
  const texts = [...files, images.domain, images.driverLoop];
  return oopsContext(fault, task, life.memory, inside, texts, lastUnloaded, entries);
}
