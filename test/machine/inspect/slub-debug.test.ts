// slub_debug as a boot option: it holds for the kernel's and the drivers' domains, and a check that is off finds nothing.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Machine } from '../../../host/machine/shared/types.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { bytes, PLACEMENTS } from '../../support/machine.ts';
import { threadLab, type ThreadLab } from '../../support/threads.ts';

let lab: ThreadLab;
let machine: Machine | null = null;
beforeEach(async () => {
  lab = await threadLab();
});
afterEach(async () => {
  await machine?.shutdown();
  machine = null;
  await lab.close();
});

describe.each(PLACEMENTS)('%s', (placement) => {
  test.each([
    ['by default', undefined, true],
    ['with poison alone', 'P', true],
    ['with red zones alone', 'Z', false],
    ['without', '-', false],
  ])('a write to freed memory, slub_debug %s', async (_, slubDebug, found) => {
    machine = await lab.boot(placement, slubDebug === undefined ? {} : { slubDebug });
    await machine.insmod(lab.drivers.find(({ name }) => name === 'lkdtm')!);
    const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
    expect(await machine.console.write(fd, bytes('WRITE_AFTER_FREE'))).toBe(16);
    expect(machine.check()).toEqual(
      found ? [expect.stringMatching(/write to freed memory: 0x[0-9a-f]+$/)] : [],
    );
  });
});

test('a letter that slub_debug does not know is refused before anything is booted', async () => {
  await expect(lab.boot('monolithic', { slubDebug: 'FQ' })).rejects.toThrow(
    'slub_debug knows F, Z, P and U, not Q',
  );
});
