// The preserved state of a driver that dies after it went live and before its supervisor hears of that.

import { expect, test } from 'vitest';
import { nodeLab } from '../../../host/cli/machines.ts';
import { O_RDWR, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { driverIs, nextEvent, pattern } from '../../support/machine.ts';

/** ms in which a driver goes live; its notices are not handled meanwhile. */
const MOMENT = 5;

test('is there for the next', async () => {
  const lab = await nodeLab();
  const machine = await lab.boot('microkernel');
  await machine.insmod(
    lab.drivers.find(({ name }) => name === 'ramdisk')!,
    'size=4096',
  );
  const fd = await machine.console.open('/dev/ramdisk', O_RDWR);
  await machine.console.write(fd, pattern(512));

  const stateOf = (): string | undefined => machine.lsmod().find(({ name }) => name === 'ramdisk')?.state;
  const unheard = (): boolean => machine.status().drivers[0]?.state === 'starting';
  const liveSoon = (): boolean => {
    const until = performance.now() + MOMENT;
    while (stateOf() === 'coming' && performance.now() < until);
    return stateOf() === 'live';
  };
  let caught = false;
  while (!caught) {
    const up = nextEvent(machine, driverIs('ramdisk', 'up'));
    machine.kill('ramdisk');
    let over = false;
    void up.then(() => (over = true));
    while (!over && !caught) {
      caught = stateOf() === 'coming' && liveSoon() && unheard();
      if (!caught) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const up = nextEvent(machine, driverIs('ramdisk', 'up'));
  machine.kill('ramdisk');
  await up;
  await machine.settled();

  await machine.console.lseek(fd, 0, SEEK_SET);
  expect((await machine.console.read(fd, 512)).data).toEqual(pattern(512));
  await machine.shutdown();
  await lab.close();
});
