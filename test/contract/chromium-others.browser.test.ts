// The contract suite in Chromium on the placements that a page does not show side by side.

import { browserLab } from '../../host/web/lab.ts';
import type { Placement } from '../../host/machine/types.ts';
import { fetchFixture } from '../support/browser.ts';
import { contract } from './suite.ts';

const OTHERS: readonly Placement[] = ['sandbox', 'pooled'];

for (const placement of OTHERS) {
  contract(
    {
      ...{ name: `${placement} machine in Chromium`, placement },
      ...{ openLab: () => browserLab('/'), fixture: fetchFixture },
    },
    false,
  );
}
