// /proc/sys/kernel: what can be set, what is refused, and that a setting has its effect. And /dev/kmsg.

import { afterEach, describe, expect, test } from 'vitest';
import { EACCES, EINVAL } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, SEEK_END, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { expectLine, machineIs, nextEvent, text, withMachine, type Bench } from '../../support/machine.ts';
import { DIFFERENCES } from './differences.ts';
import { cat, echo } from './tree.ts';

const SYS = '/proc/sys/kernel';

export function sysctl(bench: Bench): void {
  describe('sysctl', () => {
    const at = withMachine(bench, { null: '' });
    afterEach(() => expect(at.machine.check()).toEqual([]));

    test('the values of a kernel that has just booted', async () => {
      const { entries } = await at.console.readdir(SYS);
      const values = await Promise.all(
        entries.map(async ({ name }) => [name, (await cat(at.console, `${SYS}/${name}`)).trimEnd()]),
      );
      expect(Object.fromEntries(values)).toEqual({
        ostype: 'isolab',
        osrelease: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
        version: '#1 SMP wasm32',
        hostname: 'isolab',
        tainted: '0',
        panic_on_oops: '0',
        panic_on_warn: '0',
        oops_limit: '10000',
        printk: '7\t4\t1\t7',
        modules_disabled: '0',
        request_module: '0', // this machine has nobody who could load one
        module_idle_secs: '60',
        trace: '1',
      });
    });

    test.each([
      ['panic_on_oops', '1', '1'],
      ['panic_on_oops', ' 0\n', '0'],
      ['panic_on_warn', '0x1', '1'],
      ['panic_on_warn', '0', '0'],
      ['oops_limit', '2147483647', '2147483647'],
      ['oops_limit', '0', '0'],
      ['printk', '3', '3\t4\t1\t7'],
      ['printk', '7 4 1 7\n', '7\t4\t1\t7'],
      ['hostname', 'laboratory\n', 'laboratory'],
      ['module_idle_secs', '5', '5'],
      ['request_module', '0', '0'],
      ['request_module', '1', '1'],
    ])('%s takes %j', async (name, value, shown) => {
      expect(await echo(at.console, `${SYS}/${name}`, value)).toBe(value.length);
      expect((await cat(at.console, `${SYS}/${name}`)).trimEnd()).toBe(shown);
    });

    test.each([
      ['panic_on_oops', '2'],
      ['panic_on_oops', '-1'],
      ['panic_on_oops', ''],
      ['panic_on_oops', 'yes'],
      ['panic_on_oops', '1 1'],
      ['panic_on_oops', '1x'],
      ['panic_on_oops', '0x'],
      ['oops_limit', '2147483648'],
      ['oops_limit', '99999999999999999999999999'],
      ['printk', '16'],
      ['printk', '1 2 3 4 5'],
      ['printk', '1 2 x'],
      ['hostname', 'two words'],
      ['hostname', 'x'.repeat(65)],
      ['hostname', '\n'],
      ['modules_disabled', '0'],
      ['modules_disabled', '2'],
      ['module_idle_secs', '86401'],
      ['oops_limit', ' '.repeat(200)],
    ])('%s refuses %j and stays as it is', async (name, value) => {
      const before = await cat(at.console, `${SYS}/${name}`);
      expect(await echo(at.console, `${SYS}/${name}`, value)).toBe(-EINVAL);
      expect(await cat(at.console, `${SYS}/${name}`)).toBe(before);
    });

    test('what is only told cannot be written', async () => {
      for (const name of ['ostype', 'osrelease', 'version'])
        expect(await at.console.open(`${SYS}/${name}`, O_RDWR)).toBe(-EACCES);
    });

    test('a taint can be added and not taken back', async () => {
      expect(await echo(at.console, `${SYS}/tainted`, '64')).toBe(2);
      expect(await echo(at.console, `${SYS}/tainted`, '0')).toBe(1);
      expect(await cat(at.console, `${SYS}/tainted`)).toBe('64\n');
      expect(at.machine.status().taint).toContain('U');
    });

    test('/dev/kmsg gives the log record by record, and takes lines', async () => {
      const fd = await at.open('/dev/kmsg', O_RDWR);
      expect((await at.console.stat('/dev/kmsg')).stat).toMatchObject({
        type: 'device',
        major: 1,
        minor: 11,
      });
      const first = text((await at.console.read(fd, 8192)).data);
      expect(first).toMatch(/^5,1,\d+,-;isolab kernel, boot 1, \d+ KiB\n$/);
      expect((await at.console.read(fd, 3)).result).toBe(-EINVAL);
      expect(text((await at.console.read(fd, 8192)).data)).toMatch(/^6,2,\d+,-;kernel is running\n$/);
      expect(await at.console.lseek(fd, 0, SEEK_END)).toBe(0);
      expect((await at.console.read(fd, 8192)).result).toBe(0);
      expect(await echo(at.console, '/dev/kmsg', '<3>from outside\n')).toBe(16);
      expect(at.machine.dmesg().records.at(-1)).toMatchObject({ level: 3, text: 'from outside' });
      expect(text((await at.console.read(fd, 8192)).data)).toMatch(/^3,\d+,\d+,-;from outside\n$/);
      expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
      expect(text((await at.console.read(fd, 8192)).data)).toBe(first);
      const lines = at.machine.dmesg().records.map(({ sequence, text: line }) => `${sequence} ${line}\n`);
      const whole = (await cat(at.console, '/dev/kmsg')).replaceAll(/^\d+,(\d+),\d+,-;/gm, '$1 ');
      expect(whole).toBe(lines.join(''));
    });
  });

  describe('settings with an effect', () => {
    const at = withMachine(bench, { procfile: 'poisoned=1' });
    const monolithic = bench.placement === 'monolithic';

    /** Reads what traps. @returns the last words, where the kernel has stopped over it */
    const provoke = async (): Promise<string[]> => {
      const boot = at.machine.status().boot;
      const client = await at.machine.attach();
      const fd = await client.open('/proc/procfile', O_RDONLY);
      const rebooted = monolithic ? nextEvent(at.machine, machineIs('running')) : null;
      await client.read(fd, 10).catch(() => {});
      await rebooted;
      await at.machine.settled();
      await client.end();
      expect(at.machine.status().boot).toBe(monolithic ? boot + 1 : boot);
      return at.machine.deadKernelLog?.records.map(({ text: line }) => line) ?? [];
    };

    test('panic_on_oops: the next oops is the last, where a driver’s fault is the kernel’s', async () => {
      expect(await echo(at.console, `${SYS}/panic_on_oops`, '1')).toBe(1);
      const words = await provoke();
      if (monolithic) expectLine(words, 'Kernel panic - not syncing: Fatal exception');
    });

    test('oops_limit: so many oopses are too many', async () => {
      expect(await echo(at.console, `${SYS}/panic_on_oops`, '0')).toBe(1);
      expect(await echo(at.console, `${SYS}/oops_limit`, '1')).toBe(1);
      const words = await provoke();
      if (monolithic)
        expectLine(words, 'Kernel panic - not syncing: Oopsed too often (kernel.oops_limit is 1)');
    });

    test('panic_on_warn: a name registered twice stops the kernel, where the driver is in it', async () => {
      await at.machine.rmmod('procfile');
      const warned = at.logged;
      await at.machine.insmod(await bench.fixture('procfile'));
      const { mistakesWarn } = DIFFERENCES[bench.placement];
      const words = "proc_dir_entry 'procfile' already registered";
      expectLine(at.log(warned), mistakesWarn ? words : `procfile: ${words}`);
      expect(at.machine.status().taint.includes('W')).toBe(mistakesWarn);
      await at.machine.rmmod('procfile');
      expect(await echo(at.console, `${SYS}/panic_on_warn`, '1')).toBe(1);
      if (!mistakesWarn) {
        await at.machine.insmod(await bench.fixture('procfile'));
        expect(at.machine.status()).toMatchObject({ state: 'running', boot: 1, taint: '' });
        await at.machine.rmmod('procfile');
        return;
      }
      const rebooted = nextEvent(at.machine, machineIs('running'));
      await expect(at.machine.insmod(await bench.fixture('procfile'))).rejects.toThrow();
      await rebooted;
      await at.machine.settled();
      expectLine(
        at.machine.deadKernelLog?.records.map(({ text: line }) => line) ?? [],
        'Kernel panic - not syncing: kernel: panic_on_warn set ...',
      );
      expect(await cat(at.console, `${SYS}/panic_on_warn`)).toBe('0\n');
    });
  });
}
