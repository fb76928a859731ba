// Opens the driver host for a place (../shared/place.ts), and prepares spare threads for it.

import { SandboxHost, WorkerHost, type DriverHost } from './driver-host.ts';
import type { KernelLife } from './kernel-life.ts';
import { poolOf, type Place } from '../shared/place.ts';
import { Pools } from './pools.ts';
import type { MachineServices } from './driver.ts';

export class DriverHosts {
  private readonly services: MachineServices;
  private readonly pools: Pools;

  constructor(services: MachineServices) {
    this.services = services;
    this.pools = new Pools(services.resources, services, services.transport);
  }

  /** @param ahead for a successor, which waits for the end of the driver in that place */
  open(place: Place, life: KernelLife, ahead: boolean): Promise<DriverHost> {
    const { resources, transport } = this.services;
    const pool = poolOf(place);
    if (pool !== null) return this.pools.join(pool, life, ahead);
    if (place === 'sandbox') return SandboxHost.open(resources, life);
    return WorkerHost.open(resources, this.services, transport);
  }

  /** Prepares a spare thread with a domain for the next driver in such a place. @param now at once, or when the machine is idle */
  prepare(place: Place, now: boolean): void {
    const { resources } = this.services;
    if (place === 'kernel' || place === 'sandbox') return;
    if (now) resources.prepare('driver', this.services);
    else resources.prepareLater('driver', this.services);
  }
}
