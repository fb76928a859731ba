// What taints the kernel when modules come and go: where they come from, their licence, and force. Each is told in Linux's
// line, once in a kernel's life, and a taint stays when its cause is gone. And what force leaves behind for those who used
// the module.

import { beforeEach, describe, expect, test } from 'vitest';
import { Killed } from '../../../host/machine/shared/control.ts';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { EIO, EPERM } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import { saying, versioned } from '../../support/altered.ts';
import { bytes, driverIs, nextEvent, withMachine, type Bench } from '../../support/machine.ts';
import { cat, echo } from './tree.ts';

export function taints(bench: Bench): void {
  const monolithic = bench.placement === 'monolithic';

  describe('taints', () => {
    const at = withMachine(bench);
    const taint = (): string => at.machine.status().taint;
    const named = (module: LoadedModule, name: string): LoadedModule => ({ ...module, name });
    const column = async (name: string): Promise<string> =>
      new RegExp(`^${name} .*?(?:\\((\\w+)\\))?$`, 'm').exec(await cat(at.console, '/proc/modules'))?.[1] ??
      '';

    beforeEach(async () => {
      await at.machine.settled();
      for (const { name } of at.machine.status().drivers) await at.machine.rmmod(name, { force: true });
      await at.machine.reboot();
      expect(taint()).toBe('');
    });

    test('out of tree', async () => {
      const start = at.logged;
      const stranger = saying(at.driver('zero'), 'intree', null);
      await at.machine.insmod(stranger);
      expect(at.log(start)).toEqual(['zero: loading out-of-tree module taints kernel.']);
      expect(await column('zero')).toBe('O');
      expect(at.machine.lsmod()[0]).toMatchObject({ name: 'zero', taint: 'O' });
      await at.machine.rmmod('zero');
      await at.machine.insmod(stranger);
      expect(at.log(start)).toHaveLength(1);
      expect(taint()).toBe('O');
      expect(await cat(at.console, '/proc/sys/kernel/tainted')).toBe(`${1 << 12}\n`);
      await at.machine.insmod(at.driver('null'));
      expect(await column('null')).toBe('');
      await at.machine.rmmod('zero');
      expect(taint()).toBe('O');
    });

    test('a licence that is not the GPL’s', async () => {
      const start = at.logged;
      await at.machine.insmod(saying(at.driver('zero'), 'license', 'Proprietary'));
      expect(at.log(start)).toEqual(["zero: module license 'Proprietary' taints kernel."]);
      expect(taint()).toBe('P');
      expect(await column('zero')).toBe('P');
      await at.machine.insmod(saying(at.driver('null'), 'license', null));
      expect(at.log(start)).toHaveLength(1);
      expect(await column('null')).toBe('P');
    });

    test('no licence', async () => {
      const start = at.logged;
      await at.machine.insmod(saying(saying(at.driver('zero'), 'license', null), 'intree', null));
      expect(at.log(start)).toEqual([
        'zero: loading out-of-tree module taints kernel.',
        "zero: module license 'unspecified' taints kernel.",
      ]);
      expect(await column('zero')).toBe('PO');
      expect(taint()).toBe('PO');
    });

    test('licences that are the GPL’s', async () => {
      const start = at.logged;
      const licences = [
        'GPL',
        'GPL v2',
        'GPL and additional rights',
        'Dual BSD/GPL',
        'Dual MIT/GPL',
        'Dual MPL/GPL',
      ];
      for (const license of licences) {
        await at.machine.insmod(saying(at.driver('zero'), 'license', license));
        await at.machine.rmmod('zero');
      }
      expect(at.log(start)).toEqual([]);
      expect(taint()).toBe('');
    });

    test('insmod -f: vermagic', async () => {
      const other = saying(at.driver('zero'), 'vermagic', '0.0.1 other');
      const start = at.logged;
      await at.machine.insmod(other, '', { force: true });
      expect(at.log(start)).toEqual(['zero: bad vermagic: kernel tainted.']);
      expect(await column('zero')).toBe('F');
      const fd = await at.console.open('/dev/zero', O_RDONLY);
      expect((await at.console.read(fd, 3)).data).toEqual(new Uint8Array(3));
      await at.console.close(fd);
      await at.machine.insmod(named(other, 'other'), '', { force: true }).catch(() => {}); // its device is taken
      expect(at.log(start)).toHaveLength(1);
      expect(taint()).toBe('F');
    });

    test('insmod -f: symbol versions', async () => {
      await at.machine.insmod(await bench.fixture('base'));
      const start = at.logged;
      const wrong = versioned(versioned(await bench.fixture('stacked'), 'base_count'), 'vprintk_emit');
      await at.machine.insmod(wrong, 'quiet', { force: true });
      expect(at.log(start)).toEqual([
        expect.stringMatching(/^stacked: (base_count|vprintk_emit): kernel tainted\.$/),
      ]);
      expect(await column('stacked')).toBe('F');
      const fd = await at.console.open('/dev/stacked', O_RDONLY);
      expect((await at.console.read(fd, 100)).result).toBe(41);
      await at.console.close(fd);
    });

    test('rmmod -f: in use by another’s symbols', async () => {
      const base = await bench.fixture('base');
      await at.machine.insmod(base);
      await at.machine.insmod(await bench.fixture('stacked'), 'quiet');
      const fd = await at.console.open('/dev/stacked', O_RDWR);
      const start = at.logged;
      await at.machine.rmmod('base', { force: true });
      expect(at.log(start)).toEqual(['base: forced removal: kernel tainted.']);
      expect(taint()).toBe('R');
      expect(at.machine.lsmod().filter(({ name, state }) => name === 'base' && state === 'live')).toEqual([]);
      // The code is gone under its user. In one domain anything may come of that but an end of the host.
      const read = at.console.read(fd, 4).then(
        ({ result }) => result,
        (error: unknown) => error,
      );
      if (monolithic || bench.placement === 'pooled') {
        const result = await read;
        expect(typeof result === 'number' || result instanceof Killed).toBe(true);
      } else {
        expect(await read).toBe(-EIO);
        expect(at.machine.status().drivers.map(({ name, restarts }) => [name, restarts])).toEqual([
          ['stacked', 0],
        ]);
        await at.machine.insmod(base);
        expect(at.machine.lsmod().find(({ name }) => name === 'base')).toMatchObject({
          ...{ references: 1, usedBy: ['stacked'] },
        });
        expect((await at.console.read(fd, 4)).result).toBe(1);
        await expect(at.machine.rmmod('base')).rejects.toThrow('Module base is in use by: stacked');
        expect(at.machine.check()).toEqual([]);
      }
    });

    test('rmmod -f: in use by an open file', async () => {
      await at.machine.insmod(at.driver('zero'));
      const fd = await at.console.open('/dev/zero', O_RDWR);
      const start = at.logged;
      await at.machine.rmmod('zero', { force: true });
      expect(at.log(start)).toEqual(['zero: forced removal: kernel tainted.']);
      expect(taint()).toBe('R');
      expect(at.machine.lsmod()).toEqual([]);
      expect((await at.console.read(fd, 4)).result).toBe(-EIO);
      expect(await at.console.write(fd, bytes('x'))).toBe(-EIO);
      await at.machine.insmod(at.driver('zero'));
      expect((await at.console.read(fd, 4)).result).toBe(-EIO);
      expect(await at.console.close(fd)).toBe(0);
      expect(at.machine.lsmod()[0]).toMatchObject({ name: 'zero', references: 0 });
      expect(at.machine.check()).toEqual([]);
    });

    test('rmmod -f without a reason taints nothing', async () => {
      await at.machine.insmod(at.driver('zero'));
      const start = at.logged;
      await at.machine.rmmod('zero', { force: true });
      expect(at.log(start)).toEqual([]);
      expect(taint()).toBe('');
    });

    test('modules_disabled: nothing comes, nothing goes, a driver that dies comes back', async () => {
      await at.machine.insmod(at.driver('zero'));
      expect(await echo(at.console, '/proc/sys/kernel/modules_disabled', '1')).toBe(1);
      const before = at.machine.lsmod();
      for (const force of [false, true]) {
        const coming = at.machine.insmod(at.driver('null'), '', { force });
        await expect(coming).rejects.toMatchObject({
          ...{ errno: EPERM, message: 'could not insert module null: Operation not permitted' },
        });
        const going = at.machine.rmmod('zero', { force });
        await expect(going).rejects.toMatchObject({
          ...{ errno: EPERM, message: 'could not remove module zero: Operation not permitted' },
        });
      }
      expect(at.machine.lsmod()).toEqual(before);
      expect(taint()).toBe('');
      if (!monolithic) {
        const up = nextEvent(at.machine, driverIs('zero', 'up'));
        at.machine.kill('zero');
        await up;
      }
      const fd = await at.console.open('/dev/zero', O_RDONLY);
      expect((await at.console.read(fd, 1)).result).toBe(1);
      await at.console.close(fd);
      await at.machine.reboot(); // the setting is the kernel's
      await at.machine.rmmod('zero');
    });
  });
}
