// What dead drivers have left in their memories: ranges of the data store. The memory of one that died is kept from everybody
// else until its successor is live, or nobody comes after it. A successor that dies in its init leaves all to the next: whose
// ranges count, the kernel's store says, since one that was live may have died before the supervisor heard of its life.

import type { Previous } from '../ipc/driver-side.ts';
import { ST_TAG_CHANNELS, STORE_RANGE } from '../../kernel/abi/store.ts';
import type { Incarnation } from './incarnation.ts';
import { readStore } from './inspect.ts';
import type { Resources } from './resources.ts';

export class Estates {
  private readonly host: { readonly resources: Resources };
  private readonly left = new Map<string, Previous[]>();

  constructor(host: { readonly resources: Resources }) {
    this.host = host;
  }

  /** Whether a driver that is dead, or was unloaded, has left anything. */
  has(name: string): boolean {
    return this.left.has(name);
  }

  /** What the predecessor of a driver has left, of which the kernel knows that it is dead. @param kernel its memory */
  of(name: string, kernel: WebAssembly.Memory): Previous | null {
    const tags = new Set(rangesOf(name, kernel).map(({ oldTag }) => oldTag));
    const [previous = null] = this.keepOnly(name, ({ incarnation }) => tags.has(incarnation));
    return previous;
  }

  /** A driver has died, or is unloaded for a successor; its memory has not been given back yet. */
  keep(name: string, { life, memory, channel, generation }: Incarnation): void {
    if (rangesOf(name, life.memory).length === 0) return;
    const incarnation = (generation * ST_TAG_CHANNELS + channel + 1) >>> 0;
    this.host.resources.keepMemory(memory);
    this.left.set(name, [...(this.left.get(name) ?? []), { memory, incarnation }]);
  }

  /** A driver's successor is live, or there will be none. */
  settle(name: string): void {
    this.keepOnly(name, () => false);
  }

  /** The kernel is dead, and its store with it. */
  settleAll(): void {
    for (const name of [...this.left.keys()]) this.settle(name);
  }

  private keepOnly(name: string, wanted: (each: Previous) => boolean): Previous[] {
    const all = this.left.get(name) ?? [];
    const kept = all.filter(wanted);
    for (const each of all) if (!kept.includes(each)) this.host.resources.releaseMemory(each.memory);
    if (kept.length > 0) this.left.set(name, kept);
    else this.left.delete(name);
    return kept;
  }
}

function rangesOf(name: string, kernel: WebAssembly.Memory) {
  return readStore(kernel).filter(({ owner, type }) => owner === name && type === STORE_RANGE);
}
