// /sys/module: what is told of a module, and its parameters, read and set while it runs, wherever it lives.

import { afterEach, describe, expect, test } from 'vitest';
import { EACCES, EINVAL, EIO, EISDIR, ENODEV, ENOENT } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { bytes, driverIs, nextEvent, text, withMachine, type Bench } from '../../support/machine.ts';
import { cat, echo } from './tree.ts';

const AT = '/sys/module/settings';

export function sysfs(bench: Bench): void {
  describe('sysfs', () => {
    const at = withMachine(bench, { settings: 'number=5 label=bench', null: '' });
    afterEach(() => expect(at.machine.check()).toEqual([]));
    const parameter = (name: string): string => `${AT}/parameters/${name}`;
    const names = async (path: string): Promise<string[]> => {
      const { result, entries } = await at.console.readdir(path);
      expect(result).toBe(0);
      return entries.map(({ name }) => name).sort();
    };

    test('a directory for each module, with what there is of it', async () => {
      expect(await names('/sys')).toEqual(['module']);
      expect(await names('/sys/module')).toEqual(['null', 'settings']);
      expect(await names(AT)).toEqual(
        expect.arrayContaining([
          'coresize',
          'holders',
          'initstate',
          'parameters',
          'refcnt',
          'sections',
          'taint',
        ]),
      );
      expect(await names(AT)).toContain('version');
      expect(await names('/sys/module/null')).not.toContain('version');
      expect(await names('/sys/module/null')).not.toContain('parameters');
      expect(await names(`${AT}/sections`)).toEqual(['.data', '.text']);
      expect(await names(`${AT}/holders`)).toEqual([]);
      expect(await names(`${AT}/parameters`)).toEqual(
        ['fixed', 'flag', 'label', 'limit', 'list', 'number', 'sealed'].sort(),
      );
    });

    test('what is told of a module', async () => {
      expect(await cat(at.console, `${AT}/initstate`)).toBe('live\n');
      expect(await cat(at.console, `${AT}/version`)).toBe('2.5\n');
      expect(await cat(at.console, `${AT}/taint`)).toMatch(/^[A-Z]*\n$/);
      const size = /^settings (\d+) 0 - Live 0x/m.exec(await cat(at.console, '/proc/modules'))?.[1];
      expect(await cat(at.console, `${AT}/coresize`)).toBe(`${size}\n`);
      expect(await cat(at.console, `${AT}/sections/.text`)).toMatch(/^0x[0-9a-f]{8}\n$/);
      expect(await cat(at.console, `/sys/module/null/refcnt`)).toBe('0\n');
      const fd = await at.console.open('/dev/null', O_RDONLY);
      expect(await cat(at.console, `/sys/module/null/refcnt`)).toBe('1\n');
      await at.console.close(fd);
    });

    test.each([
      ['flag', 'N'],
      ['number', '5'],
      ['limit', '7'],
      ['label', 'bench'],
      ['fixed', '42'],
      ['list', '1,2,3'],
    ])('parameter %s reads as %s', async (name, value) => {
      expect(await cat(at.console, parameter(name))).toBe(`${value}\n`);
    });

    test('what is written is what the module sees, and reads so', async () => {
      const write = async (name: string, value: string): Promise<void> =>
        expect(await echo(at.console, parameter(name), value)).toBe(value.length);
      await write('flag', 'y\n');
      await write('number', '-2147483648');
      await write('limit', '0xff\n');
      await write('label', 'another name');
      await write('sealed', '4');
      await write('list', '7,-8,9\n');
      expect(await cat(at.console, '/proc/settings')).toBe('1 -2147483648 255 another name 4 1 7 -8 9\n');
      expect(await cat(at.console, parameter('flag'))).toBe('Y\n');
      expect(await cat(at.console, parameter('label'))).toBe('another name\n');
      expect(await cat(at.console, parameter('list'))).toBe('7,-8,9\n');
      const client = await at.machine.attach();
      expect(await echo(client, parameter('number'), '11')).toBe(2);
      expect(await cat(client, parameter('number'))).toBe('11\n');
      await client.end();
    });

    test('one open file reads what it has written, from the beginning again', async () => {
      const fd = await at.open(parameter('number'), O_RDWR);
      expect(await at.console.write(fd, bytes('12\n'))).toBe(3);
      expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
      expect(text((await at.console.read(fd, 100)).data)).toBe('12\n');
      expect((await at.console.read(fd, 100)).result).toBe(0);
    });

    test.each([
      ['number', 'x'],
      ['number', ''],
      ['number', '2147483648'],
      ['limit', '-1'],
      ['flag', 'maybe'],
      ['list', '1,2,3,4'],
      ['list', '1,,2'],
      ['limit', ' 1'.repeat(600)],
    ])('%s refuses "%s" and stays as it is', async (name, value) => {
      const before = await cat(at.console, '/proc/settings');
      expect(await echo(at.console, parameter(name), value)).toBe(-EINVAL);
      expect(await cat(at.console, '/proc/settings')).toBe(before);
    });

    test('permissions are as declared', async () => {
      expect(await at.console.open(parameter('fixed'), O_RDWR)).toBe(-EACCES);
      expect(await at.console.open(parameter('sealed'), O_RDONLY)).toBe(-EACCES);
      expect(await at.console.open(parameter('hidden'), O_RDONLY)).toBe(-ENOENT);
      expect(await at.console.open(parameter('nothing'), O_RDONLY)).toBe(-ENOENT);
      expect(await at.console.open(AT, O_RDWR)).toBe(-EISDIR);
      expect((await at.console.stat(parameter('number'))).stat).toMatchObject({
        ...{ type: 'file', mode: 0o644, major: 0, minor: 0 },
      });
      expect((await at.console.stat(parameter('fixed'))).stat).toMatchObject({ mode: 0o444 });
      expect((await at.console.stat(AT)).stat).toMatchObject({ type: 'directory' });
    });

    test('an open parameter does not keep its module, and ends with it', async () => {
      const fd = await at.console.open(parameter('number'), O_RDWR);
      const told = await at.console.open(`${AT}/initstate`, O_RDONLY);
      await at.machine.rmmod('settings');
      // In the kernel's own domain the file looks for its module in vain, elsewhere there is nobody left to ask.
      const gone = bench.placement === 'monolithic' ? -ENODEV : -EIO;
      expect((await at.console.read(fd, 10)).result).toBe(gone);
      expect(await at.console.write(fd, bytes('1'))).toBe(gone);
      expect((await at.console.read(told, 10)).result).toBe(-ENODEV);
      expect(await at.console.close(fd)).toBe(0);
      expect(await at.console.close(told)).toBe(0);
      expect(await at.console.open(AT, O_RDONLY)).toBe(-ENOENT);
      await at.machine.insmod(await bench.fixture('settings'), 'number=5');
      expect(await cat(at.console, parameter('number'))).toBe('5\n');
    });

    if (bench.placement !== 'monolithic')
      test('a driver that was restarted has its parameters again', async () => {
        const fd = await at.console.open(parameter('number'), O_RDWR);
        const up = nextEvent(at.machine, driverIs('settings', 'up'));
        at.machine.kill('settings');
        await up;
        await at.machine.settled();
        expect((await at.console.read(fd, 10)).result).toBe(-EIO);
        expect(await at.console.close(fd)).toBe(0);
        expect(await cat(at.console, parameter('number'))).toBe('5\n');
        expect(await echo(at.console, parameter('number'), '6')).toBe(1);
        expect(await cat(at.console, parameter('number'))).toBe('6\n');
      });
  });

  describe('sysfs of modules that use each other', () => {
    const at = withMachine(bench, { base: '', stacked: '' });

    test('holders are links to those who use a module', async () => {
      expect(await at.console.readdir('/sys/module/base/holders')).toEqual({
        result: 0,
        entries: [{ name: 'stacked', type: 'link' }],
      });
      expect(await cat(at.console, '/sys/module/base/holders/stacked/initstate')).toBe('live\n');
      expect(await cat(at.console, '/sys/module/base/refcnt')).toBe('1\n');
    });
  });
}
