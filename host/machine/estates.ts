// What dead drivers have left in their memories: ranges of the data store. The memory of one that died is kept from everybody
// else until its successor is live, or nobody comes after it. A successor that dies in its init leaves all to the next.

import type { Previous } from '../ipc/driver-side.ts';
import { ST_TAG_CHANNELS, STORE_RANGE } from '../../kernel/abi/store.ts';
import type { Incarnation } from './incarnation.ts';
import { readStore } from './inspect.ts';
import type { Resources } from './resources.ts';

export class Estates {
  private readonly host: { readonly resources: Resources };
  private readonly left = new Map<string, Previous>();

  constructor(host: { readonly resources: Resources }) {
    this.host = host;
  }

  /** What the predecessor of a driver has left. */
  of(name: string): Previous | null {
    return this.left.get(name) ?? null;
  }

  /** A driver that was live has died, or is unloaded for a successor; its memory has not been given back yet. */
  keep(name: string, { life, memory, channel, generation }: Incarnation): void {
    const ranges = readStore(life.memory).some(({ owner, type }) => owner === name && type === STORE_RANGE);
    if (!ranges) return;
    this.settle(name);
    this.host.resources.keepMemory(memory);
    this.left.set(name, { memory, incarnation: (generation * ST_TAG_CHANNELS + channel + 1) >>> 0 });
  }

  /** A driver's successor is live, or there will be none. */
  settle(name: string): void {
    const previous = this.left.get(name);
    this.left.delete(name);
    if (previous) this.host.resources.releaseMemory(previous.memory);
  }

  /** The kernel is dead, and its store with it. */
  settleAll(): void {
    for (const name of [...this.left.keys()]) this.settle(name);
  }
}
