// The contract suite and every fault in Chromium.

import { browserLab } from '../../host/web/lab.ts';
import { fetchFixture } from '../support/browser.ts';
import { ALL_PLACEMENTS } from '../support/machine.ts';
import { faults } from './faults.ts';
import { contract } from './suite.ts';

for (const placement of ALL_PLACEMENTS) {
  const bench = {
    name: `${placement} machine in Chromium`,
    placement,
    openLab: () => browserLab('/'),
    fixture: fetchFixture,
  };
  contract(bench);
  faults(bench);
}
