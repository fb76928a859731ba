// Homes by place (./place.ts), and those that stand ready.

import { SandboxHome, WorkerHome, type Home } from './homes.ts';
import type { KernelLife } from './life.ts';
import { poolOf, type Place } from './place.ts';
import { Pools } from './pools.ts';
import type { DriversHost } from './driver.ts';

export class Housing {
  private readonly host: DriversHost;
  private readonly pools: Pools;

  constructor(host: DriversHost) {
    this.host = host;
    this.pools = new Pools(host.resources, host, host.transport);
  }

  /** @param ahead for one that waits for the end of another in that place */
  open(place: Place, life: KernelLife, ahead: boolean): Promise<Home> {
    const { resources, transport } = this.host;
    const pool = poolOf(place);
    if (pool !== null) return this.pools.join(pool, life, ahead);
    if (place === 'sandbox') return SandboxHome.open(resources, life);
    return WorkerHome.open(resources, this.host, transport);
  }

  /** Has a thread with a domain stand ready for the next who comes to such a place. @param now or when there is time for it */
  prepare(place: Place, now: boolean): void {
    const { resources } = this.host;
    if (place === 'kernel' || place === 'sandbox') return;
    if (now) resources.prepare('driver', this.host);
    else resources.prepareLater('driver', this.host);
  }
}
