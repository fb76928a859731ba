// The check of a whole machine: the kernel's domain and those of its drivers, one sentence for each thing that is wrong.

import { checkMemory } from './check.ts';
import type { Driver } from './driver.ts';
import type { KernelLife } from './life.ts';

type Checked = Pick<Driver, 'loaded' | 'state' | 'incarnation'>;

export function checkMachine(life: KernelLife, drivers: Iterable<Checked>): string[] {
  const once = checkOnce(life, drivers);
  if (once.length === 0) return once;
  // What is true only for a moment, while somebody writes, is no damage.
  const twice = new Set(checkOnce(life, drivers));
  return once.filter((sentence) => twice.has(sentence));
}

function checkOnce(life: KernelLife, drivers: Iterable<Checked>): string[] {
  const found = checkMemory(life.memory, life.statics, true);
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
