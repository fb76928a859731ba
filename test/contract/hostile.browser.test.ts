// Hostile drivers in Chromium: all on every placement in the long run, else every eighth in workers.

import { ISOLATING } from '../../host/lab/isolating.ts';
import { browserLab } from '../../host/web/lab.ts';
import { fetchFixture } from '../support/browser.ts';
import { LONG } from '../long.ts';
import { hostile } from './hostile.ts';

for (const placement of ISOLATING.filter((each) => LONG || each === 'microkernel')) {
  hostile(
    {
      ...{ name: `${placement} machine in Chromium`, placement },
      ...{ openLab: () => browserLab('/'), fixture: fetchFixture },
    },
    LONG ? 1 : 8,
  );
}
