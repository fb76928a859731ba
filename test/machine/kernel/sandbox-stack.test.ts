// A driver in a sandbox shares its stack with the kernel. Where it calls the kernel with almost no stack left the driver traps (the
// reserve of host/ipc/sandbox-side.ts): at no depth does the kernel run out of stack instead.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeLab, type NodeLab } from '../../../host/cli/machines.ts';
import type { Machine, MachineEvent } from '../../../host/machine/shared/types.ts';
import { EIO } from '../../../kernel/abi/errno.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { driverIs, isFault, nextEvent } from '../../support/machine.ts';

const CALLS = ['pr_info', 'register_chrdev', 'proc_create', 'ds_publish_bytes'];
/** Steps between two calls: many at first, so that the called code is not optimised yet; one at the end. */
const EVERY = [20011, 8009, 997, 101, 7, 1];

let lab: NodeLab;
let machine: Machine;
let faults: MachineEvent[];

beforeAll(async () => {
  lab = await nodeLab();
  machine = await lab.boot('sandbox');
  await machine.insmod(await loadFixture('diver'));
  machine.subscribe((event) => void (isFault(event) && faults.push(event)));
});
afterAll(async () => {
  await machine.shutdown();
  await lab.close();
});

test.each(CALLS)('%s, wherever the stack ends', async (name) => {
  for (const every of EVERY) {
    faults = [];
    const fd = await machine.console.open('/dev/diver', O_RDWR);
    expect(fd).toBeGreaterThanOrEqual(0);
    const up = nextEvent(machine, driverIs('diver', 'up'));
    expect(await machine.console.ioctl(fd, CALLS.indexOf(name), every)).toBe(-EIO);
    await up;
    await machine.console.close(fd);
    expect(faults).toMatchObject([{ module: 'diver', by: 'trap', fault: { kind: 'stack exhausted' } }]);
    expect(machine.status()).toMatchObject({ boot: 1, taint: '' });
  }
  expect(machine.check()).toEqual([]);
});
