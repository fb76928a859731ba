// Every fault in Node, where one driver’s fault is its own: in a pool all die.

import { nodeLab } from '../../host/cli/machines.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ALL_PLACEMENTS } from '../support/machine.ts';
import { faults } from './parts/faults.ts';

for (const placement of ALL_PLACEMENTS.filter((each) => each !== 'pooled')) {
  faults({ name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture });
}
