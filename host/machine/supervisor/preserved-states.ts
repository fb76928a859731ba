// Preserved state: ranges of the data store in the memory of a driver that has died. That memory is not reused until the
// successor is live, or is known not to come. Where a successor dies in its init, the next one gets the state. The kernel's
// store says whose ranges are valid, because a driver may go live and die before the supervisor hears of either.
//
// A driver that is unloaded for a successor leaves a copy, made before its cleanup: the cleanup frees the ranges, and what is
// freed is overwritten or reused, in a pool also by other drivers.

import type { PreviousMemory } from '../../ipc/driver-side.ts';
import { STORE_RANGE } from '../../../kernel/abi/store.ts';
import type { Incarnation } from './incarnation.ts';
import { readRanges, readStore } from '../shared/store-entries.ts';
import type { Resources } from './resources.ts';
import { tagOf } from '../shared/preserved-ranges.ts';

interface PreservedState {
  previous: PreviousMemory;
  /** The memory that is kept for it; null for a copy. */
  memory: WebAssembly.Memory | null;
}

export class PreservedStates {
  private readonly services: { readonly resources: Resources };
  private readonly states = new Map<string, PreservedState[]>();

  constructor(services: { readonly resources: Resources }) {
    this.services = services;
  }

  /** Whether there is preserved state of that driver. */
  has(name: string): boolean {
    return this.states.has(name);
  }

  /** The memory of a driver's predecessor; null where the kernel does not know yet that it is dead. @param kernel its memory */
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
    this.services.resources.keepMemory(memory);
    const previous = { bytes: new Uint8Array(memory.buffer), from: 0, incarnation: tagOf(incarnation) };
    this.add(name, { previous, memory });
  }

  /** A driver was unloaded for a successor. */
  keepCopy(name: string, previous: PreviousMemory): void {
    this.add(name, { previous, memory: null });
  }

  private add(name: string, state: PreservedState): void {
    this.states.set(name, [...(this.states.get(name) ?? []), state]);
  }

  /** Drops the state of a driver: its successor is live, or there will be none. */
  release(name: string): void {
    this.keepOnly(name, () => false);
  }

  /** The kernel is dead, and its store with it. */
  releaseAll(): void {
    for (const name of [...this.states.keys()]) this.release(name);
  }

  private keepOnly(name: string, wanted: (each: PreservedState) => boolean): PreservedState[] {
    const all = this.states.get(name) ?? [];
    const kept = all.filter(wanted);
    for (const { memory } of all.filter((each) => !kept.includes(each)))
      if (memory) this.services.resources.releaseMemory(memory);
    if (kept.length > 0) this.states.set(name, kept);
    else this.states.delete(name);
    return kept;
  }
}
