// What drivers have left in their memories: ranges of the data store. The memory of one that died is kept from everybody else
// until its successor is live, or nobody comes after it. A successor that dies in its init leaves all to the next: whose ranges
// count, the kernel's store says, since one that was live may have died before the supervisor heard of its life.
//
// One that is unloaded for a successor leaves a copy, made before its cleanup: what that frees is overwritten, and in a pool
// others have it then, the successor first of all.

import type { PreviousMemory } from '../../ipc/driver-side.ts';
import { STORE_RANGE } from '../../../kernel/abi/store.ts';
import type { Incarnation } from './incarnation.ts';
import { readRanges, readStore } from '../shared/store-entries.ts';
import type { Resources } from './resources.ts';
import { tagOf } from '../shared/preserved-ranges.ts';

interface PreservedState {
  previous: PreviousMemory;
  /** That is kept for it. */
  memory: WebAssembly.Memory | null;
}

export class PreservedStates {
  private readonly host: { readonly resources: Resources };
  private readonly left = new Map<string, PreservedState[]>();

  constructor(host: { readonly resources: Resources }) {
    this.host = host;
  }

  /** Whether a driver that is dead, or was unloaded, has left anything. */
  has(name: string): boolean {
    return this.left.has(name);
  }

  /** What the predecessor of a driver has left, of which the kernel knows that it is dead. @param kernel its memory */
  of(name: string, kernel: WebAssembly.Memory): PreviousMemory | null {
    if (!this.has(name)) return null;
    const tags = new Set(
      readStore(kernel)
        .filter(({ owner, type }) => owner === name && type === STORE_RANGE)
        .map(({ oldTag }) => oldTag),
    );
    const [state] = this.keepOnly(name, ({ previous }) => tags.has(previous.incarnation));
    return state?.previous ?? null;
  }

  /** A driver has died; its memory has not been given back yet. */
  keep(name: string, incarnation: Incarnation): void {
    const { life, memory, preserved: copied } = incarnation;
    if (copied) return this.keepCopy(name, copied);
    if (!readRanges(life.memory, name)) return;
    this.host.resources.keepMemory(memory);
    const previous = { bytes: new Uint8Array(memory.buffer), from: 0, incarnation: tagOf(incarnation) };
    this.add(name, { previous, memory });
  }

  /** A driver was unloaded for a successor. */
  keepCopy(name: string, previous: PreviousMemory): void {
    this.add(name, { previous, memory: null });
  }

  private add(name: string, state: PreservedState): void {
    this.left.set(name, [...(this.left.get(name) ?? []), state]);
  }

  /** A driver's successor is live, or there will be none. */
  release(name: string): void {
    this.keepOnly(name, () => false);
  }

  /** The kernel is dead, and its store with it. */
  releaseAll(): void {
    for (const name of [...this.left.keys()]) this.release(name);
  }

  private keepOnly(name: string, wanted: (each: PreservedState) => boolean): PreservedState[] {
    const all = this.left.get(name) ?? [];
    const kept = all.filter(wanted);
    for (const { memory } of all.filter((each) => !kept.includes(each)))
      if (memory) this.host.resources.releaseMemory(memory);
    if (kept.length > 0) this.left.set(name, kept);
    else this.left.delete(name);
    return kept;
  }
}
