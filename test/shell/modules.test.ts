// The commands that load modules and look at the machine, on each placement; one group a command.

import { beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { MIN_DEADLINE_MS } from '../../kernel/abi/limits.ts';
import { O_RDONLY } from '../../kernel/abi/operation.ts';
import { nodeLab } from '../../host/cli/machines.ts';
import type { Shell } from '../../host/shell/shell.ts';
import { loadFixture } from '../support/fixtures.ts';
import { driverIs, nextEvent, PLACEMENTS, withMachine } from '../support/machine.ts';
import { run, shellOn, type ShellResult } from '../support/shell.ts';

describe.each(PLACEMENTS)('%s', (placement) => {
  const bench = { name: placement, placement, openLab: nodeLab, fixture: loadFixture };
  const at = withMachine(bench, {});
  let shell: Shell;
  beforeAll(() => (shell = shellOn(at.machine, at.lab)));
  const sh = (text: string): Promise<ShellResult> => run(shell, text);
  const done = (out: string, err = ''): ShellResult => ({ status: 0, out, err });
  const failed = (err: string, status = 1): ShellResult => ({ status, out: '', err });
  const removeAll = async (): Promise<void> => {
    for (const { name } of at.machine.lsmod()) await at.machine.rmmod(name);
  };
  afterEach(removeAll);

  describe('insmod', () => {
    test('loads a module with its parameters', async () => {
      expect(await sh('insmod ramdisk size=8192')).toEqual(done(''));
      expect(at.log().at(-1)).toBe('ramdisk: 8 KiB');
    });

    test('says what Linux says when it cannot', async () => {
      await sh('insmod zero');
      expect(await sh('insmod zero')).toEqual(
        failed('insmod: ERROR: could not insert module zero: File exists\n'),
      );
      expect(await sh('insmod nothing')).toEqual(
        failed('insmod: ERROR: could not load module nothing: there is no module nothing\n'),
      );
      expect((await sh('insmod')).err).toMatch(/^insmod: ERROR: missing filename\.\n/);
    });
  });

  describe('rmmod', () => {
    test('removes modules', async () => {
      await sh('insmod zero; insmod null');
      expect(await sh('rmmod -v zero null')).toEqual(done('rmmod zero\nrmmod null\n'));
      expect(at.machine.lsmod()).toEqual([]);
    });

    test('says what Linux says when it cannot', async () => {
      await sh('insmod null');
      expect(await sh('rmmod zero null')).toEqual(
        failed('rmmod: ERROR: Module zero is not currently loaded\n'),
      );
      expect(at.machine.lsmod()).toEqual([]);
    });
  });

  describe('modprobe', () => {
    const path = (name: string): string => `${at.lab.modules.directory}/${name}.ko.wasm`;

    test('loads by name or alias, and removes', async () => {
      expect(await sh('modprobe -v ramdisk size=8192')).toEqual(
        done(`insmod ${path('ramdisk')} size=8192\n`),
      );
      expect(at.log().at(-1)).toBe('ramdisk: 8 KiB');
      expect(await sh('modprobe ramdisk; modprobe devname:zero; modprobe -rv ramdisk')).toEqual(
        done('rmmod ramdisk\n'),
      );
      expect(at.machine.lsmod().map(({ name }) => name)).toEqual(['zero']);
      expect(await sh('modprobe -a null ramdisk')).toEqual(done(''));
      expect(at.machine.lsmod()).toHaveLength(3);
    });

    test('shows what it would do, and does nothing', async () => {
      expect(
        await sh('modprobe -n -v zero; modprobe --show-depends stacked; modprobe -R devname:null'),
      ).toEqual(done(`insmod ${path('zero')} \ninsmod ${path('base')} \ninsmod ${path('stacked')} \nnull\n`));
      expect(at.machine.lsmod()).toEqual([]);
    });

    test('says what kmod says when it cannot', async () => {
      const missing = `modprobe: FATAL: Module nope not found in directory ${at.lab.modules.directory}\n`;
      expect(await sh('modprobe nope')).toEqual(failed(missing));
      expect(await sh('modprobe -q nope')).toEqual(failed(''));
      expect(await sh('modprobe zero; modprobe --first-time zero')).toEqual(
        failed("modprobe: ERROR: could not insert 'zero': Module already in kernel\n"),
      );
      expect((await sh('modprobe')).err).toMatch(/^modprobe: ERROR: missing parameters\.\n/);
    });
  });

  describe('lsmod', () => {
    test('lists modules in its columns', async () => {
      expect(await sh('lsmod')).toEqual(done('Module                  Size  Used by\n'));
      await sh('insmod zero');
      expect((await sh('lsmod')).out).toMatch(/^Module {18}Size {2}Used by\nzero {16,23}\d+ {2}0\n$/);
    });
  });

  describe('modules on modules', () => {
    test('are loaded in order, shown with their users, and kept while they are used', async () => {
      expect(await sh('modprobe stacked')).toEqual(done(''));
      expect((await sh('lsmod')).out).toMatch(
        /^Module {18}Size {2}Used by\nstacked {13,19}\d+ {2}0\nbase {16,22}\d+ {2}1 stacked\n$/,
      );
      expect(await sh('rmmod base')).toEqual(failed('rmmod: ERROR: Module base is in use by: stacked\n'));
      expect(await sh('head -c 3 /dev/stacked')).toEqual(done('sss'));
      expect(await sh('modprobe -rv stacked')).toEqual(done('rmmod stacked\nrmmod base\n'));
      expect(at.machine.lsmod()).toEqual([]);
    });

    test('rmmod -f removes what is in use, and taints', async () => {
      await sh('insmod zero');
      const fd = await at.open('/dev/zero', O_RDONLY);
      expect((await sh('rmmod zero')).err).toMatch(/^rmmod: ERROR: Module zero is in use/);
      expect(await sh('rmmod -f zero')).toEqual(done(''));
      expect(at.machine.status().taint).toContain('R');
      await at.console.close(fd);
      await sh('reboot');
    });
  });

  describe('dmesg', () => {
    test('prints the log with its times', async () => {
      const { out } = await sh('dmesg');
      expect(out).toMatch(/^\[ {4}0\.\d{6}\] isolab kernel, boot \d+, \d+ KiB\n/);
    });

    test('chooses levels and shows them', async () => {
      await sh('insmod ramdisk size=0; dmesg');
      expect((await sh('dmesg -l err')).out).toMatch(/^\[ +\d+\.\d{6}\] ramdisk: size must not be 0\n$/);
      expect((await sh('dmesg -t --level=err')).out).toBe('ramdisk: size must not be 0\n');
      expect((await sh('dmesg -x -l err')).out).toMatch(/^err {3}: \[/);
      expect((await sh('dmesg -r -l err')).out).toMatch(/^<3>\[/);
      expect((await sh('dmesg -t -l err+')).out).toBe('ramdisk: size must not be 0\n');
      expect((await sh('dmesg -l frob')).err).toMatch(/^dmesg: unknown level 'frob'\n/);
    });

    test('-n sets the level of the console, by name or one above its number', async () => {
      const printk = 'cat /proc/sys/kernel/printk';
      expect((await sh(`dmesg -n err; ${printk}; dmesg -n 8; ${printk}`)).out).toBe(
        '4\t4\t1\t7\n8\t4\t1\t7\n',
      );
      for (const level of ['0', '9', 'frob'])
        expect((await sh(`dmesg -n ${level}`)).err).toMatch(`dmesg: unknown level '${level}'\n`);
    });

    test('-C and -c clear it for dmesg, until the next boot', async () => {
      expect((await sh('dmesg -C; dmesg; echo one > /dev/kmsg; dmesg -tc; dmesg')).out).toBe('one\n');
      expect((await sh('cat /dev/kmsg | grep -c kernel,')).out).toBe('1\n');
      expect((await sh('reboot; dmesg | grep -c kernel,')).out).toBe('1\n');
    });

    test('has the last words of a kernel that died', async () => {
      const { out } = await sh('dmesg -t | grep -c isolab');
      expect(out).toBe('1\n');
      await sh('insmod ramdisk size=4096; reboot');
      expect((await sh('dmesg --last -t')).out).toContain('ramdisk: 4 KiB\n');
    });
  });

  describe('ps', () => {
    test('lists the kernel and its drivers', async () => {
      await sh('insmod zero; insmod null');
      const rows = (await sh('ps')).out
        .trimEnd()
        .split('\n')
        .map((row) => row.trim().split(/ +/));
      expect(rows[0]).toEqual(['PID', 'DOMAIN', 'STATE', 'GEN', 'RESTARTS', 'HELD', 'COMMAND']);
      const isolated = placement === 'microkernel';
      const columns = rows.slice(1).map((row) => [row[0], row[1], row[2], row[6]]);
      expect(columns).toEqual([
        ['1', 'kernel', 'running', 'kernel'],
        [isolated ? '2' : '1', isolated ? 'zero' : 'kernel', 'up', 'zero'],
        [isolated ? '3' : '1', isolated ? 'null' : 'kernel', 'up', 'null'],
      ]);
    });
  });

  describe('kill', () => {
    beforeEach(() => sh('insmod zero'));

    test(placement === 'microkernel' ? 'ends a driver’s thread' : 'refuses, and says why', async () => {
      if (placement === 'monolithic') {
        const ran = await sh('kill zero');
        expect(ran.status).toBe(1);
        expect(ran.err).toMatch(
          /^kill: \(zero\) - Operation not permitted: zero runs in the kernel's thread/,
        );
        return;
      }
      for (const [generation, text] of ['kill zero', 'kill -9 2'].entries()) {
        const restarted = nextEvent(at.machine, driverIs('zero', 'up'));
        expect(await sh(text)).toEqual(done(''));
        expect(await restarted).toMatchObject({ generation: generation + 2 });
        await at.machine.settled();
      }
      expect((await sh('head -c 1 /dev/zero')).out).toBe('\0');
    });

    test('knows whom it cannot end', async () => {
      expect(await sh('kill nobody')).toEqual(failed('kill: (nobody) - No such process\n'));
      expect(await sh('kill 77')).toEqual(failed('kill: (77) - No such process\n'));
      expect((await sh('kill 1')).err).toMatch(/^kill: \(1\) - Operation not permitted/);
    });
  });

  describe('status', () => {
    test.each([
      ['true', 0],
      ['false', 1],
      ['false; true', 0],
      ['true && false', 1],
      ['false || true', 0],
      ['false && echo no || true', 0],
      ['frobnicate', 127],
      ['cat --frob', 1],
      ["echo 'a", 2],
      ['exit 7; true', 7],
      ['false; exit', 1],
      ['true | false', 1],
      ['false | true', 0],
    ])('%s', async (text, status) => {
      shell = shellOn(at.machine, at.lab);
      expect((await sh(text)).status).toBe(status);
    });

    test('$? is that of the last command', async () => {
      expect((await sh('false; echo $?; echo "$?"')).out).toBe('1\n0\n');
    });

    test('a line that is not understood runs nothing', async () => {
      expect(await sh("echo a; echo 'b")).toEqual(
        failed("isolab: line 1: syntax error: unterminated quoted string: '\n", 2),
      );
    });
  });

  describe('help', () => {
    test('lists every command, and each explains itself', async () => {
      const { out } = await sh('help');
      for (const [name, command] of shell.commands) {
        expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
        expect(command.name).toBe(name);
        const explained = (await sh(`${name} --help`)).out;
        expect(explained.startsWith(`usage: ${name}`)).toBe(true);
        expect((await sh(`help ${name}`)).out).toBe(explained);
      }
      expect(await sh('help frob')).toEqual(failed('help: no such command: frob\n'));
    });
  });

  describe('time', () => {
    test('tells how long a command took, and has its status', async () => {
      const ran = await sh('time false');
      expect(ran).toMatchObject({ status: 1, out: '' });
      expect(ran.err).toMatch(/^real\t0m\d+\.\d{3}s\n$/);
    });
  });

  describe('a death', () => {
    test('of the caller or the driver is told, and the shell goes on', async () => {
      await sh('insmod lkdtm');
      const ran = await sh('echo BUG > /dev/lkdtm; echo $?');
      if (placement === 'monolithic') expect(ran).toEqual({ status: 0, out: '137\n', err: 'Killed\n' });
      else expect(ran).toEqual({ status: 0, out: '1\n', err: 'echo: write error: Input/output error\n' });
      await at.machine.settled();
    });

    test('of the machine is told, and waited for', async () => {
      const { boot } = at.machine.status();
      const ran = await sh('reboot; echo still here');
      expect(ran).toEqual(
        done('still here\n', `isolab: the kernel was rebooted: boot ${boot + 1} runs now\n`),
      );
    });
  });

  describe('a hang', () => {
    const own = withMachine(bench, { zero: '', lkdtm: '' }, { deadlineMs: MIN_DEADLINE_MS });

    test('takes the machine or the driver; the shell goes on with what runs then', async () => {
      const other = shellOn(own.machine, own.lab);
      const ran = await run(other, 'echo LOOP > /dev/lkdtm; echo $?; head -c 3 /dev/zero | wc -c');
      if (placement === 'microkernel')
        expect(ran).toEqual(done('1\n3\n', 'echo: write error: Connection timed out\n'));
      else {
        expect(ran).toMatchObject({ status: 0, out: '255\n3\n' });
        expect(ran.err).toBe(
          'echo: the kernel has died (heartbeat)\nisolab: the kernel died (heartbeat): boot 2 runs now\n',
        );
        expect((await run(other, 'dmesg --last | grep -c LOOP')).out).toBe('1\n');
      }
      other.close();
    });
  });
});
