// Who runs on a machine: the kernel and its drivers, as ps numbers them.

import { KERNEL_PID, pidOfDriver } from '../machine/inspect/oops-context.ts';
import { poolOf } from '../machine/shared/place.ts';
import type { DriverStatus, Machine } from '../machine/shared/types.ts';

export interface Process {
  /** Of its thread. */
  pid: number;
  domain: string;
  state: string;
  generation: number;
  restarts: number;
  /** Bytes. */
  held: number;
  name: string;
}

/** The kernel and its drivers; a driver's pid goes by its place among those that were loaded. */
export function processes(machine: Machine): Process[] {
  const { state, boot, drivers } = machine.status();
  const modules = machine.lsmod();
  const held = ({ name }: DriverStatus): number => {
    const mod = modules.find((each) => each.name === name);
    return mod ? mod.size + mod.bytes + mod.kept : 0;
  };
  return [
    {
      ...{ pid: KERNEL_PID, domain: 'kernel', state, generation: boot, restarts: boot - 1, name: 'kernel' },
      held: state === 'running' ? machine.accounting().bytesUsed : 0,
    },
    ...drivers.map((driver, i) => ({
      // One in a sandbox has a domain of its own, and no thread.
      pid: pidOfDriver(drivers, i),
      domain: driver.place === 'kernel' ? 'kernel' : (poolOf(driver.place) ?? driver.name),
      state: driver.state,
      generation: driver.generation,
      restarts: driver.restarts,
      held: held(driver),
      name: driver.name,
    })),
  ];
}
