// The contract suite and every fault in Chromium, on the two placements that a page shows side by side; on the others the suite
// runs beside this file, since a page holds no more memories. In Node it runs whole.

import { fetchFixture, labOfFile } from '../support/browser.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { faults } from './parts/faults.ts';
import { contract } from './suite.ts';

const openLab = labOfFile();

for (const placement of PLACEMENTS) {
  const bench = {
    name: `${placement} machine in Chromium`,
    placement,
    openLab,
    fixture: fetchFixture,
  };
  contract(bench, false);
  faults(bench);
}
