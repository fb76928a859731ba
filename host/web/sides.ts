// The two sides of the page: left the monolith; right, by the name it has in reports, what isolates drivers. Where memory
// cannot be shared with another thread that is a sandbox, and PLACED is what the page calls it.

import type { PerSide } from '../lab/compare/report.ts';
import type { Placement, SidePlacement } from '../machine/shared/types.ts';
import { hasThreads } from './requirements.ts';

export type Placed = Exclude<Placement, 'pooled'>;

export const PLACED: Readonly<PerSide<Placed>> = {
  monolithic: 'monolithic',
  get microkernel() {
    return hasThreads ? 'microkernel' : 'sandbox';
  },
};

/** To begin a line with. */
export function titleOf(side: SidePlacement): string {
  const name = PLACED[side];
  return name.charAt(0).toUpperCase() + name.slice(1);
}
