// The contract suite in Node.

import { nodeLab } from '../../host/cli/machines.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ALL_PLACEMENTS } from '../support/machine.ts';
import { contract } from './suite.ts';

for (const placement of ALL_PLACEMENTS) {
  contract({ name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture });
}
