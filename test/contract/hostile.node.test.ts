// Hostile drivers in Node: all in sandboxes and in workers; in the long run in pools too, whose innocent live elsewhere.

import { nodeLab } from '../../host/cli/machines.ts';
import { ISOLATING } from '../../host/lab/isolating.ts';
import { loadFixture } from '../support/fixtures.ts';
import { LONG } from '../long.ts';
import { hostile } from './parts/hostile.ts';

for (const placement of ISOLATING.filter((each) => LONG || each !== 'pooled')) {
  hostile({ name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture });
}
