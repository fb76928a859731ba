// The commands on names, settings and modules' dependencies, and completion, on each placement; one group a command.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import { complete } from '../../host/shell/complete.ts';
import type { Shell } from '../../host/shell/shell.ts';
import { loadFixture } from '../support/fixtures.ts';
import { PLACEMENTS, withMachine } from '../support/machine.ts';
import { run, shellOn, type ShellResult } from '../support/shell.ts';

describe.each(PLACEMENTS)('%s', (placement) => {
  const bench = { name: placement, placement, openLab: nodeLab, fixture: loadFixture };
  const at = withMachine(bench, { zero: '', ramdisk: 'size=4096' });
  let shell: Shell;
  beforeAll(() => (shell = shellOn(at.machine, at.lab)));
  afterEach(() => expect(at.machine.check()).toEqual([]));
  const sh = (text: string): Promise<ShellResult> => run(shell, text);
  const done = (out: string, err = ''): ShellResult => ({ status: 0, out, err });
  const failed = (err: string, status = 1): ShellResult => ({ status, out: '', err });
  const majorOf = async (name: string): Promise<string> => {
    const { out } = await sh(`cat /proc/devices | grep ' ${name}$'`);
    return out.trim().split(' ')[0]!;
  };

  describe('ls', () => {
    test('lists directories, files, and what is where', async () => {
      expect(await sh('ls')).toEqual(done('dev\nproc\nsys\n'));
      const { out } = await sh('ls /dev');
      expect(out.split('\n')).toEqual(expect.arrayContaining(['ramdisk', 'zero']));
      expect(await sh('ls /dev/zero /proc/version')).toEqual(done('/dev/zero\n/proc/version\n'));
      expect(await sh('ls -d /dev /proc')).toEqual(done('/dev\n/proc\n'));
      expect((await sh('ls /dev/zero /')).out).toBe('/dev/zero\n\n/:\ndev\nproc\nsys\n');
    });

    test('-l has permissions, sizes and numbers', async () => {
      const major = await majorOf('zero');
      expect(await sh('ls -l /dev/zero')).toEqual(done(`crw------- 1 root root ${major},   0 /dev/zero\n`));
      expect((await sh('ls -l /')).out).toMatch(/^d[rwx-]{9} 1 root root 0 dev\n/);
    });

    test('-a has . and .., and -1 is what is always done', async () => {
      expect(await sh('ls -a /')).toEqual(done('.\n..\ndev\nproc\nsys\n'));
      expect((await sh('ls -la /sys/module/zero')).out).toMatch(
        /^d\S+ 1 root root +0 \.\nd\S+ 1 root root +0 \.\.\n/,
      );
      expect(await sh('ls -A1 /')).toEqual(await sh('ls /'));
      expect((await sh('ls -z')).status).toBe(2);
    });

    test('tells what is not there, and lists the rest', async () => {
      expect(await sh('ls /nope /dev/zero')).toEqual({
        ...{ status: 2, out: '/dev/zero\n', err: "ls: cannot access '/nope': No such file or directory\n" },
      });
    });
  });

  describe('cd and pwd', () => {
    afterEach(() => sh('cd /'));

    test('relative paths begin in the working directory', async () => {
      expect(await sh('cd dev; pwd; ls -d zero; cd ..; pwd')).toEqual(done('/dev\nzero\n/\n'));
      expect(await sh('cd /proc/sys/kernel; cat ostype ./../kernel/ostype')).toEqual(
        done('isolab\nisolab\n'),
      );
      expect(await sh('echo os* pani?_on_oops; cat < ostype')).toEqual(
        done('osrelease ostype panic_on_oops\nisolab\n'),
      );
      expect(await sh('cat nope')).toEqual(failed('cat: nope: No such file or directory\n'));
      expect(await sh('cd /dev; mknod mine c 1 11; stat -c %n mine; rm mine; ls mine')).toEqual({
        ...{ status: 2, out: 'mine\n', err: "ls: cannot access 'mine': No such file or directory\n" },
      });
    });

    test('cd - goes back and forth', async () => {
      expect(await run(shellOn(at.machine, at.lab), 'cd -')).toEqual(
        failed('cd: there is no directory before: -\n'),
      );
      expect(await sh('cd /dev/; cd /proc/./sys/..; cd -; cd -')).toEqual(done('/dev\n/proc\n'));
    });

    test('refuse what is no directory, and stay', async () => {
      expect(await sh('cd /dev; cd /nope')).toEqual(failed('cd: /nope: No such file or directory\n'));
      expect(await sh('cd zero')).toEqual(failed('cd: zero: Not a directory\n'));
      expect(await sh('pwd')).toEqual(done('/dev\n'));
    });

    test('in a pipeline they are the pipeline’s own, with time the shell’s', async () => {
      expect(await sh('cd /proc | pwd; pwd')).toEqual(done('/\n/\n'));
      expect((await sh('time cd /proc; pwd')).out).toBe('/proc\n');
    });
  });

  describe('stat', () => {
    test('tells type, numbers and permissions', async () => {
      const { out } = await sh('stat /dev/zero');
      expect(out).toMatch(
        /^ {2}File: \/dev\/zero\n {2}Size: 0 +character special file\n Inode: \d+ +Device type: \d+,0\nAccess: \(0600\/crw-------\)\n$/,
      );
      const major = Number(await majorOf('zero'));
      expect(await sh("stat -c '%n %F %a %A %t:%T %%' /dev/zero")).toEqual(
        done(`/dev/zero character special file 600 crw------- ${major.toString(16)}:0 %\n`),
      );
      expect((await sh('stat -c %F /proc /proc/version')).out).toBe('directory\nregular file\n');
      expect(await sh('stat /nope')).toEqual(
        failed("stat: cannot statx '/nope': No such file or directory\n"),
      );
      expect((await sh('stat -c %q /dev')).err).toContain('stat: invalid directive: %q');
    });
  });

  describe('mknod and rm', () => {
    test('a name for a device, and away with it', async () => {
      const major = await majorOf('ramdisk');
      expect(await sh(`mknod -m 640 /dev/disk c ${major} 0`)).toEqual(done(''));
      expect((await sh('ls -l /dev/disk')).out).toMatch(/^crw-r----- /);
      expect(await sh('echo hello > /dev/disk; head -c 6 /dev/ramdisk')).toEqual(done('hello\n'));
      expect(await sh(`mknod /dev/disk c ${major} 0`)).toEqual(failed('mknod: /dev/disk: File exists\n'));
      expect(await sh('rm /dev/disk')).toEqual(done(''));
      expect(await sh('rm /dev/disk')).toEqual(
        failed("rm: cannot remove '/dev/disk': No such file or directory\n"),
      );
      expect(await sh('rm -f /dev/disk')).toEqual(done(''));
    });

    test.each([
      ['mknod', 'mknod: missing operand\n'],
      ['mknod /dev/x', "mknod: missing operand after '/dev/x'\n"],
      ['mknod /dev/x b 1 2', "mknod: there are only character devices (c), not 'b'\n"],
      ['mknod /dev/x c one 2', "mknod: invalid major device number 'one'\n"],
      ['mknod -m 9 /dev/x c 1 2', "mknod: invalid mode: '9'\n"],
      ['mknod /dev/x c 5000 2', 'mknod: /dev/x: Invalid argument\n'],
      ['mknod /proc/x c 1 2', 'mknod: /proc/x: Operation not permitted\n'],
      ['rm /proc/version', "rm: cannot remove '/proc/version': Operation not permitted\n"],
    ])('%s', async (text, err) => {
      const ran = await sh(text);
      expect(ran).toMatchObject({ status: 1, out: '' });
      expect(ran.err.startsWith(err)).toBe(true);
    });
  });

  describe('patterns', () => {
    test('stand for the files of the machine', async () => {
      expect(await sh('echo /dev/z*')).toEqual(done('/dev/zero\n'));
      expect(await sh('echo /p*/vers?on /d[e]v/ramdisk')).toEqual(done('/proc/version /dev/ramdisk\n'));
      expect((await sh('ls /proc/sys/kernel/pan*')).out).toBe(
        '/proc/sys/kernel/panic_on_oops\n/proc/sys/kernel/panic_on_warn\n',
      );
    });

    test('stay as they are where they are quoted or stand for nothing', async () => {
      expect(await sh("echo '/dev/z*' /dev/\\z* /dev/q* z* /nope/*")).toEqual(
        done('/dev/z* /dev/zero /dev/q* z* /nope/*\n'),
      );
    });
  });

  describe('sysctl', () => {
    test('prints and sets', async () => {
      expect(await sh('sysctl kernel.panic_on_oops')).toEqual(done('kernel.panic_on_oops = 0\n'));
      expect(await sh('sysctl -w kernel.panic_on_oops=1 kernel/hostname=box')).toEqual(
        done('kernel.panic_on_oops = 1\nkernel.hostname = box\n'),
      );
      expect(await sh('cat /proc/sys/kernel/panic_on_oops; uname -n')).toEqual(done('1\nbox\n'));
      expect(await sh('sysctl -n kernel.panic_on_oops=0; echo isolab > /proc/sys/kernel/hostname')).toEqual(
        done('0\n'),
      );
      const all = (await sh('sysctl -a')).out.trimEnd().split('\n');
      expect(all).toEqual(expect.arrayContaining(['kernel.hostname = isolab', 'kernel.ostype = isolab']));
      expect(all).toEqual([...all].sort());
    });

    test.each([
      ['sysctl kernel.nope', 'sysctl: cannot stat /proc/sys/kernel/nope: No such file or directory\n'],
      ['sysctl kernel.version=2', "sysctl: permission denied on key 'kernel.version'\n"],
      ['sysctl kernel.panic_on_oops=7', 'sysctl: setting key "kernel.panic_on_oops": Invalid argument\n'],
      ['sysctl -w kernel', 'sysctl: "kernel" must be of the form name=value\n'],
      [
        'sysctl',
        "sysctl: no variables specified\nusage: sysctl [-n] NAME... | [-w] NAME=VALUE... | -a\nTry 'sysctl --help' for more information.\n",
      ],
    ])('%s', async (text, err) => {
      expect(await sh(text)).toEqual(failed(err));
    });
  });

  describe('uname', () => {
    test('tells which kernel this is', async () => {
      expect(await sh('uname')).toEqual(done('isolab\n'));
      expect((await sh('uname -rm')).out).toMatch(/^\d+\.\d+\.\d+ wasm32\n$/);
      const everything = (await sh('uname -a')).out;
      expect(everything).toBe((await sh('uname -snrvm')).out);
      expect(everything).toMatch(/^isolab isolab \d+\.\d+\.\d+ .* wasm32\n$/);
    });
  });

  describe('modinfo', () => {
    test('prints what a module says of itself', async () => {
      const { status, out } = await sh('modinfo stacked');
      expect(status).toBe(0);
      expect(out).toMatch(/^filename: {7}\/lib\/modules\/.*\/stacked\.ko\.wasm\n/);
      expect(out).toMatch(/^depends: {8}base$/m);
      expect(await sh('modinfo -F license zero base')).toEqual(done('GPL\nGPL\n'));
      expect((await sh('modinfo -p ramdisk')).out).toMatch(/^size:.* \(uint\)\n$/);
      expect(await sh('modinfo -n zero nope')).toMatchObject({
        ...{ status: 1, err: 'modinfo: ERROR: Module nope not found.\n' },
      });
    });
  });

  describe('depmod', () => {
    test('finds who needs whom', async () => {
      expect(await sh('depmod')).toEqual(done(''));
      expect((await sh('depmod -n')).out).toMatch(/^stacked\.ko\.wasm: base\.ko\.wasm$/m);
    });
  });

  describe('completion', () => {
    const words = async (line: string): Promise<string[]> => (await complete(shell, line)).words;

    test('of commands', async () => {
      expect(await words('insm')).toEqual(['insmod ']);
      expect(await words('echo a; mod')).toEqual(['modinfo ', 'modprobe ']);
      expect(await words('cat x | he')).toEqual(['head ', 'help ', 'hexdump ']);
      expect(await words('time mkn')).toEqual(['mknod ']);
      expect(await words('help unam')).toEqual(['uname ']);
      expect(await words('frob')).toEqual([]);
    });

    test('of files', async () => {
      expect(await words('cat /')).toEqual(['/dev/', '/proc/', '/sys/']);
      expect(await words('cat /dev/ze')).toEqual(['/dev/zero ']);
      expect(await words('echo a > /dev/ra')).toEqual(['/dev/ramdisk ']);
      expect(await words('dd if=/dev/ze')).toEqual(['/dev/zero ']);
      expect(await complete(shell, 'dd if=/dev/ze')).toMatchObject({ from: 6 });
      expect(await words('cat /nope/')).toEqual([]);
      await sh('cd /dev');
      expect(await words('cat ze')).toEqual(['zero ']);
      expect(await words('cat ../pr')).toEqual(['../proc/']);
      await sh('cd /');
      expect(await words('cd ')).toEqual(['dev/', 'proc/', 'sys/']);
      expect(await words('cat d')).toEqual(['dev/']);
    });

    test('of what a command works on', async () => {
      expect(await words('modprobe st')).toEqual(['stacked ']);
      expect(await words('rmmod ')).toEqual(['ramdisk ', 'zero ']);
      expect(await words('kill z')).toEqual(['zero ']);
      expect(await words('sysctl kernel.pan')).toEqual(['kernel.panic_on_oops ', 'kernel.panic_on_warn ']);
    });
  });
});
