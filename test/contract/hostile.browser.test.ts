// Hostile drivers in Chromium: all on every placement in the long run, else every eighth in workers.

import { ISOLATING } from '../../host/lab/isolating.ts';
import { fetchFixture, labOfFile } from '../support/browser.ts';
import { LONG } from '../long.ts';
import { hostile } from './parts/hostile.ts';

const openLab = labOfFile();

for (const placement of ISOLATING.filter((each) => LONG || each === 'microkernel')) {
  hostile(
    {
      ...{ name: `${placement} machine in Chromium`, placement },
      ...{ openLab, fixture: fetchFixture },
    },
    LONG ? 1 : 8,
  );
}
