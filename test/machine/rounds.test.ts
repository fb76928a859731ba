// Many rounds in Node.

import { expect, test } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import { loadFixture } from '../support/fixtures.ts';
import { PLACEMENTS } from '../support/machine.ts';
import { manyRounds } from './rounds.ts';

for (const placement of PLACEMENTS) {
  manyRounds({ name: `${placement} machine in Node`, placement, openLab: nodeLab, fixture: loadFixture });
}

test('memories are used again, whatever happens to those who had them', async () => {
  const lab = await nodeLab();
  const machine = await lab.boot('microkernel');
  for (const driver of lab.drivers) await machine.insmod(driver);
  await machine.reboot();
  await machine.reboot();
  const made = lab.resources.memories;
  for (let round = 0; round < 5; round++) {
    await machine.reboot();
    await machine.rmmod('null');
    await machine.insmod(lab.drivers[0]!);
  }
  expect(lab.resources.memories).toBeLessThanOrEqual(made + 1); // a zombie may still have one
  await machine.shutdown();
  await lab.close();
});
