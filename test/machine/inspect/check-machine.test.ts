// The domains that a check of the machine reads.

import { expect, test } from 'vitest';
import { begin } from '../../../host/domain/steps.ts';
import { checkMachine } from '../../../host/machine/inspect/check-machine.ts';
import type { Driver } from '../../../host/machine/supervisor/driver.ts';
import type { KernelLife } from '../../../host/machine/supervisor/kernel-life.ts';
import { loadImage, TestKernel } from '../../support/kernel.ts';

test('a pool in which one is being loaded is not at rest', async () => {
  const image = await loadImage('kernel.wasm');
  const [kernel, pool] = [new TestKernel(image), new TestKernel(image)];
  const life = { memory: kernel.memory, statics: [] } as unknown as KernelLife;
  const loaded = await loadImage('null.ko.wasm');
  const incarnation = { memory: pool.memory, statics: [] };
  const other = { loaded, state: 'up', incarnation } as unknown as Driver;
  const starting = { ...other, state: 'starting' } as Driver;

  begin(pool.domain, loaded, 0, 0);
  expect(checkMachine(life, [other]).join()).toMatch(/^null's domain: struct module changed: null at/);
  expect(checkMachine(life, [other, starting])).toEqual([]);
});
