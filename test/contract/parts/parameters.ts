// Parameters on insmod's command line, one of every type, and what a module asks to keep when it is removed: the same wherever
// the module lives. What /sys shows and takes is in sysfs.ts.

import { afterEach, describe, expect, test } from 'vitest';
import { ModuleError } from '../../../host/domain/module-error.ts';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { driverIs, nextEvent, text, withMachine, type Bench } from '../../support/machine.ts';
import { cat, echo } from './tree.ts';

const NAMES = ['first', 'step', 'quiet', 'label', 'bytes'];

export function parameters(bench: Bench): void {
  describe('parameters of stacked', () => {
    const at = withMachine(bench, { base: '' });
    afterEach(() => expect(at.machine.check()).toEqual([]));
    const values = async (): Promise<string> => {
      const shown = NAMES.map((name) => cat(at.console, `/sys/module/stacked/parameters/${name}`));
      return (await Promise.all(shown)).map((value) => value.trimEnd()).join('|');
    };

    test.each([
      ['', '40|1|N|base|115,116,97,99,107'],
      ['first=0 step=0x10 quiet label=other bytes=1', '0|16|Y|other|1'],
      ['"label=two words" "bytes=1,2,3,4,5" quiet=off', '40|1|N|two words|1,2,3,4,5'],
      ['label="two words" first=-0', '0|1|N|two words|115,116,97,99,107'],
      ['label= bytes=255,0', '40|1|N||255,0'],
      ['label=a=b', '40|1|N|a=b|115,116,97,99,107'],
      ['first=1 first=2\tfirst=3\n', '3|1|N|base|115,116,97,99,107'],
      ['label="', '40|1|N||115,116,97,99,107'],
    ])('insmod stacked %s', async (line, shown) => {
      await at.load(await bench.fixture('stacked'), line);
      expect(await values()).toBe(shown);
    });

    test.each([
      ['first', 'first', ''],
      ['first=1,2', 'first', '1,2'],
      ['step=-1', 'step', '-1'],
      ['quiet=perhaps', 'quiet', 'perhaps'],
      ['label', 'label', ''],
      ['bytes=1,2,3,4,5,6', 'bytes', '1,2,3,4,5,6'],
      ['bytes=1,,2', 'bytes', '1,,2'],
      ['"step=1 2"', 'step', '1 2'],
    ])('insmod stacked %s is refused', async (line, name, value) => {
      const stacked = await bench.fixture('stacked');
      const attempt = (): Promise<unknown> =>
        at.machine.insmod(stacked, `first=7 ${line}`).catch((e: unknown) => e);
      await attempt(); // takes pages for small objects, which stay theirs
      const before = [at.machine.accounting(), at.machine.lsmod(), at.machine.devices()];
      const start = at.logged;
      const error = await attempt();
      expect(error).toBeInstanceOf(ModuleError);
      expect(error).toMatchObject({ errno: EINVAL });
      expect((error as ModuleError).message).toMatch(/^could not insert module stacked: Invalid parameters/);
      expect(at.log(start)).toEqual([`stacked: \`${value}' invalid for parameter \`${name}'`]);
      expect([at.machine.accounting(), at.machine.lsmod(), at.machine.devices()]).toEqual(before);
    });

    test('the module sees what it was given, and what was written while it runs', async () => {
      await at.load(await bench.fixture('stacked'), 'first=0 quiet=y bytes=97,98');
      expect(await echo(at.console, '/sys/module/stacked/parameters/step', '3')).toBe(1);
      const fd = await at.open('/dev/stacked', O_RDWR);
      const read = async (): Promise<string> => text((await at.console.read(fd, 2)).data);
      const pairs = [await read(), await read(), await read(), await read()];
      expect(pairs).toEqual(['aa', 'bb', 'aa', 'cc']); // those behind the two are the module's own: s t a c k
    });
  });

  describe('what a module keeps', () => {
    const at = withMachine(bench);
    const loads = async (): Promise<string> => cat(at.console, '/sys/module/base/parameters/loads');
    const insmod = async (line = ''): Promise<void> => at.machine.insmod(await bench.fixture('base'), line);

    test('is there at its next insmod, unless another value is given', async () => {
      await insmod();
      expect(await loads()).toBe('1\n');
      await at.machine.rmmod('base');
      await insmod();
      expect(await loads()).toBe('2\n');
      await at.machine.rmmod('base');
      await insmod('loads=10');
      expect(await loads()).toBe('11\n');
      await at.machine.rmmod('base');
      await expect(insmod('loads=x')).rejects.toMatchObject({ errno: EINVAL });
      await insmod();
      expect(await loads()).toBe('12\n');
      expect(at.machine.check()).toEqual([]);
    });

    test('is not what was lost: a reboot and a restart begin with what was kept at the last rmmod', async () => {
      await at.machine.reboot();
      expect(await loads()).toBe('12\n');
      if (bench.placement !== 'monolithic') {
        const up = nextEvent(at.machine, driverIs('base', 'up'));
        at.machine.kill('base');
        await up;
        expect(await loads()).toBe('12\n');
      }
      await at.machine.rmmod('base', { force: true });
      await insmod();
      expect(await loads()).toBe('13\n');
    });
  });
}
