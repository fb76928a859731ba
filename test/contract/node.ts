// The contract suite in Node. A placement is a file, so that two of them run at a time.

import { nodeLab } from '../../host/cli/machines.ts';
import { loadFixture } from '../support/fixtures.ts';
import type { Placement } from '../../host/machine/shared/types.ts';
import { contract } from './suite.ts';

/** What does not depend on the placement is run on these; on the others in the long run. */
const ENDS: readonly Placement[] = ['monolithic', 'microkernel'];

export function contractInNode(placement: Placement): void {
  contract(
    { name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture },
    ENDS.includes(placement),
  );
}
