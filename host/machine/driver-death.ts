// What is written down of a driver's death or of its warning: the context of an oops.

import type { Fault, OopsContext } from '../domain/fault.ts';
import { COMPLAINT_CLIENT, COMPLAINT_OOPS, COMPLAINT_PROTOCOL } from '../../kernel/abi/operation.ts';
import type { Driver, DriversHost } from './driver.ts';
import type { KernelLife } from './life.ts';
import { readModules, type ModuleEntry } from './inspect.ts';
import { CPU_KERNEL, cpuOfChannel, oopsContext, pidOfDriver } from './oops-context.ts';
import type { DetectedBy } from './types.ts';

/** What the kernel has against an endpoint that it has given up, by its COMPLAINT_ number. */
export function complaintOf(reason: number): DetectedBy {
  if (reason === COMPLAINT_PROTOCOL) return 'protocol';
  if (reason === COMPLAINT_OOPS) return 'oops';
  return reason === COMPLAINT_CLIENT ? 'complaint' : 'deadline';
}

/** The modules of a driver's domain. */
export const modulesIn = ({ incarnation }: Driver, life: KernelLife): ModuleEntry[] =>
  readModules(incarnation?.memory ?? life.memory);

/**
 * @param driver as it was when it died
 * @param inside the modules of its domain
 * @param all the drivers of the machine, in the order in which they were loaded
 * @param lastUnloaded the module that was unloaded last
 */
export function deathContext(
  { images }: Pick<DriversHost, 'images'>,
  driver: Driver,
  life: KernelLife,
  fault: Fault,
  inside: readonly ModuleEntry[],
  all: readonly Driver[],
  lastUnloaded: string | null,
): OopsContext {
  const { loaded, incarnation, restarts, place } = driver;
  const cpu = place === 'sandbox' || !incarnation ? CPU_KERNEL : cpuOfChannel(incarnation.bell);
  const index = all.findIndex(({ loaded: { name } }) => name === loaded.name);
  const task = { number: restarts + 1, cpu, pid: pidOfDriver(all, index), comm: loaded.name };
  const files = [loaded, images.domain, images.courier];
  return oopsContext(fault, task, life.memory, inside, files, lastUnloaded, incarnation?.entries);
}
