// Many rounds in Chromium, where a page may have few memories and ending a thread takes long.

import { browserLab } from '../../host/web/lab.ts';
import { fetchFixture } from '../support/browser.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { manyRounds } from './rounds.ts';

for (const placement of PLACEMENTS) {
  const name = `${placement} machine in Chromium`;
  manyRounds({ name, placement, openLab: () => browserLab('/'), fixture: fetchFixture });
}
