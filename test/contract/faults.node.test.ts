// Every fault in Node, on both placements.

import { nodeLab } from '../../host/cli/machines.ts';
import { loadFixture } from '../support/fixtures.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { faults } from './faults.ts';

for (const placement of PLACEMENTS) {
  faults({ name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture });
}
