// Hostile drivers in Node, on every placement that isolates.

import { nodeLab } from '../../host/cli/machines.ts';
import { ISOLATING } from '../../host/lab/isolating.ts';
import { loadFixture } from '../support/fixtures.ts';
import { hostile } from './hostile.ts';

for (const placement of ISOLATING) {
  hostile({ name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture });
}
