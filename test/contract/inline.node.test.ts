// The contract on one thread, which may not block: what a page without cross-origin isolation runs. In the long run all of it.

import { afterAll, beforeAll, describe } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import { nodePlatform } from '../../host/cli/node-platform.ts';
import { inlinePlatform } from '../../host/machine/inline-platform.ts';
import { LONG } from '../long.ts';
import { loadFixture } from '../support/fixtures.ts';
import type { Bench } from '../support/machine.ts';
import { calls } from './parts/calls.ts';
import { clients } from './parts/clients.ts';
import { contract } from './suite.ts';

const { wait } = Atomics;
beforeAll(() => {
  Atomics.wait = () => {
    throw new TypeError('Atomics.wait cannot be called in this context');
  };
});
afterAll(() => void (Atomics.wait = wait));

for (const placement of ['monolithic', 'sandbox'] as const) {
  const bench: Bench = {
    ...{ name: `${placement} machine on one thread`, placement, inline: true, fixture: loadFixture },
    openLab: () => nodeLab(inlinePlatform(nodePlatform)),
  };
  if (LONG) contract(bench, false);
  else
    describe(bench.name, () => {
      calls(bench);
      clients(bench);
    });
}
