// The contract suite in Chromium on the placements that a page does not show side by side: a sandbox, and in the long run a pool.

import type { Placement } from '../../host/machine/shared/types.ts';
import { fetchFixture, labOfFile } from '../support/browser.ts';
import { LONG } from '../long.ts';
import { contract } from './suite.ts';

const openLab = labOfFile();
const OTHERS: readonly Placement[] = LONG ? ['sandbox', 'pooled'] : ['sandbox'];

for (const placement of OTHERS) {
  contract(
    {
      ...{ name: `${placement} machine in Chromium`, placement },
      ...{ openLab, fixture: fetchFixture },
    },
    false,
  );
}
