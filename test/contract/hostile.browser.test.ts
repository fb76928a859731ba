// Hostile drivers in Chromium, on every placement that isolates.

import { ISOLATING } from '../../host/lab/isolating.ts';
import { browserLab } from '../../host/web/lab.ts';
import { fetchFixture } from '../support/browser.ts';
import { hostile } from './hostile.ts';

for (const placement of ISOLATING) {
  hostile({
    ...{ name: `${placement} machine in Chromium`, placement },
    ...{ openLab: () => browserLab('/'), fixture: fetchFixture },
  });
}
