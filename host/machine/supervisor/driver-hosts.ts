// Homes by place (../shared/place.ts), and those that stand ready.

import { SandboxHost, WorkerHost, type DriverHost } from './driver-host.ts';
import type { KernelLife } from './kernel-life.ts';
import { poolOf, type Place } from '../shared/place.ts';
import { Pools } from './pools.ts';
import type { MachineServices } from './driver.ts';

export class DriverHosts {
  private readonly services: MachineServices;
  private readonly pools: Pools;

  constructor(host: MachineServices) {
    this.services = host;
    this.pools = new Pools(host.resources, host, host.transport);
  }

  /** @param ahead for one that waits for the end of another in that place */
  open(place: Place, life: KernelLife, ahead: boolean): Promise<DriverHost> {
    const { resources, transport } = this.services;
    const pool = poolOf(place);
    if (pool !== null) return this.pools.join(pool, life, ahead);
    if (place === 'sandbox') return SandboxHost.open(resources, life);
    return WorkerHost.open(resources, this.services, transport);
  }

  /** Has a thread with a domain stand ready for the next who comes to such a place. @param now or when there is time for it */
  prepare(place: Place, now: boolean): void {
    const { resources } = this.services;
    if (place === 'kernel' || place === 'sandbox') return;
    if (now) resources.prepare('driver', this.services);
    else resources.prepareLater('driver', this.services);
  }
}
