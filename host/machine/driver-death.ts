// What is written down of a driver's death or of its warning: the context of an oops.

import type { Fault, OopsContext } from '../domain/fault.ts';
import { COMPLAINT_CLIENT, COMPLAINT_PROTOCOL } from '../../kernel/abi/operation.ts';
import type { Driver, DriversHost } from './driver.ts';
import type { KernelLife } from './life.ts';
import { CPU_KERNEL, cpuOfChannel, KERNEL_PID, oopsContext, pidOfDriver } from './oops-context.ts';
import type { DetectedBy } from './types.ts';

/** What the kernel has against an endpoint that it has given up, by its COMPLAINT_ number. */
export function complaintOf(reason: number): DetectedBy {
  if (reason === COMPLAINT_PROTOCOL) return 'protocol';
  return reason === COMPLAINT_CLIENT ? 'complaint' : 'deadline';
}

/**
 * @param index the driver's place among all
 * @param lastUnloaded the module that was unloaded last
 */
export function deathContext(
  { images }: Pick<DriversHost, 'images'>,
  { loaded, incarnation, restarts, place }: Driver,
  life: KernelLife,
  fault: Fault,
  index: number,
  lastUnloaded: string | null,
): OopsContext {
  const where =
    place === 'sandbox'
      ? { cpu: CPU_KERNEL, pid: KERNEL_PID }
      : { cpu: cpuOfChannel(incarnation?.channel ?? 0), pid: pidOfDriver(index) };
  const task = { number: restarts + 1, comm: loaded.name, ...where };
  const memory = incarnation?.memory ?? life.memory;
  const files = [loaded, images.domain, images.courier];
  return oopsContext(fault, task, life.memory, memory, files, lastUnloaded, incarnation?.entries);
}
