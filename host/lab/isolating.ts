// The placements that isolate a driver from the kernel: what soak, recovery and the hostile drivers are run on.

import type { Placement } from '../machine/shared/types.ts';

export const ISOLATING: readonly Placement[] = ['sandbox', 'pooled', 'microkernel'];
