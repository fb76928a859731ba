// The check of a whole machine: the kernel's domain and those of its drivers, one sentence for each thing that is wrong.

import { checkMemory } from './check.ts';
import type { StaticData } from '../../domain/domain.ts';
import type { DriverStatus } from '../shared/types.ts';

/** A memory, and what must not change in it. */
interface CheckedMemory {
  readonly memory: WebAssembly.Memory;
  readonly statics: StaticData[];
}

interface CheckedDriver {
  readonly loaded: { readonly name: string };
  readonly state: DriverStatus['state'];
  readonly incarnation: CheckedMemory | null;
}

export function checkMachine(kernel: CheckedMemory, drivers: Iterable<CheckedDriver>): string[] {
  const once = checkOnce(kernel, drivers);
  if (once.length === 0) return once;
  // What is true only for a moment, while somebody writes, is no damage.
  const twice = new Set(checkOnce(kernel, drivers));
  return once.filter((sentence) => twice.has(sentence));
}

function checkOnce(kernel: CheckedMemory, drivers: Iterable<CheckedDriver>): string[] {
  const found = checkMemory(kernel.memory, kernel.statics, true);
  const all = [...drivers];
  for (const { loaded, state, incarnation } of all) {
    if (state !== 'up' || !incarnation) continue;
    // In a pool where another is being loaded nothing is at rest.
    if (all.some((each) => each.state !== 'up' && each.incarnation?.memory === incarnation.memory)) continue;
    const inside = checkMemory(incarnation.memory, incarnation.statics, false);
    found.push(...inside.map((sentence) => `${loaded.name}'s domain: ${sentence}`));
  }
  return found;
}
