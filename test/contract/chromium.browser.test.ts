// The contract suite and every fault in Chromium, on the two placements that a page shows side by side; in Node it runs
// on all, and whole.

import { browserLab } from '../../host/web/lab.ts';
import { fetchFixture } from '../support/browser.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { faults } from './faults.ts';
import { contract } from './suite.ts';

for (const placement of PLACEMENTS) {
  const bench = {
    name: `${placement} machine in Chromium`,
    placement,
    openLab: () => browserLab('/'),
    fixture: fetchFixture,
  };
  contract(bench, false);
  faults(bench);
}
