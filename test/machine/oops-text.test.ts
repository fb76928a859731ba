// The text of an oops is written some ms after the death, when the memory of the dead one may have gone to its successor.

import { expect, test } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import { UNTIRING } from '../../host/machine/policy.ts';
import { EIO } from '../../kernel/abi/errno.ts';
import { O_WRONLY } from '../../kernel/abi/operation.ts';
import { bytes } from '../support/machine.ts';

/** One in twenty of these named no module once. */
const DEATHS = 100;

test('names the modules of the domain that died, each time', async () => {
  const lab = await nodeLab();
  const machine = await lab.boot('microkernel', { policy: UNTIRING });
  try {
    await machine.insmod(lab.drivers.find(({ name }) => name === 'lkdtm')!);
    const named: (string | undefined)[] = [];
    for (let i = 0; i < DEATHS; i++) {
      const fd = await machine.console.open('/dev/lkdtm', O_WRONLY);
      expect(await machine.console.write(fd, bytes('BUG'))).toBe(-EIO);
      await machine.console.close(fd);
      await machine.settled();
      const texts = machine.dmesg().records.map((record) => record.text);
      named.push(texts.findLast((line) => line.startsWith('Modules linked in:')));
    }
    expect(named.filter((line) => !line?.includes('lkdtm'))).toEqual([]);
  } finally {
    await machine.shutdown();
    await lab.close();
  }
});
