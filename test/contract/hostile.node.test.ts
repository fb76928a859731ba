// Hostile drivers in Node: in the long run all in sandboxes, workers and pools (whose innocent live elsewhere); else every second
// in sandboxes and the others in workers.

import { nodeLab } from '../../host/cli/machines.ts';
import { ISOLATING } from '../../host/lab/isolating.ts';
import { loadFixture } from '../support/fixtures.ts';
import { LONG } from '../long.ts';
import { hostile } from './hostile.ts';

for (const placement of ISOLATING.filter((each) => LONG || each !== 'pooled')) {
  hostile(
    { name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture },
    LONG ? 1 : 2,
    LONG || placement === 'sandbox' ? 0 : 1,
  );
}
