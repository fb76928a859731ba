// The contract suite in Node.

import { nodeLab } from '../../host/cli/machines.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ALL_PLACEMENTS } from '../support/machine.ts';
import type { Placement } from '../../host/machine/types.ts';
import { contract } from './suite.ts';

/** What does not depend on the placement is run on these; on the others in the long run. */
const ENDS: readonly Placement[] = ['monolithic', 'microkernel'];

for (const placement of ALL_PLACEMENTS) {
  contract(
    { name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture },
    ENDS.includes(placement),
  );
}
