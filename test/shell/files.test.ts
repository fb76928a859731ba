// The commands that read and write files, on each placement; one group a command.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodeLab } from '../../host/cli/machines.ts';
import type { Shell } from '../../host/shell/shell.ts';
import { loadFixture } from '../support/fixtures.ts';
import { PLACEMENTS, withMachine } from '../support/machine.ts';
import { run, shellOn, type ShellResult, type RunOptions } from '../support/shell.ts';

const DISK = 4096;

describe.each(PLACEMENTS)('%s', (placement) => {
  const bench = { name: placement, placement, openLab: nodeLab, fixture: loadFixture };
  const at = withMachine(bench, { null: '', zero: '', ramdisk: `size=${DISK}`, lkdtm: '', probe: '' });
  let shell: Shell;
  beforeAll(() => (shell = shellOn(at.machine, at.lab)));
  afterEach(() => expect(at.machine.check()).toEqual([]));
  const sh = (text: string, options?: RunOptions): Promise<ShellResult> => run(shell, text, options);
  const done = (out: string, err = ''): ShellResult => ({ status: 0, out, err });

  describe('echo', () => {
    test('prints its words', async () => {
      expect(await sh("echo a  'b  c' --help")).toEqual(done('a b  c --help\n'));
      expect(await sh('echo -n a; echo')).toEqual(done('a\n'));
    });

    test('into a device is one write', async () => {
      expect(await sh('echo NO_SUCH_FAULT > /dev/lkdtm')).toEqual({
        ...{ status: 1, out: '', err: 'echo: write error: Invalid argument\n' },
      });
      expect(at.log().at(-1)).toBe('lkdtm: Performing direct entry NO_SUCH_FAULT');
    });
  });

  describe('cat', () => {
    test('prints devices and its input', async () => {
      expect((await sh('cat /dev/lkdtm')).out).toContain('BUG\nACCESS_NULL\n');
      expect(await sh('cat /dev/null - /dev/null', { input: 'abc' })).toEqual(done('abc'));
      expect(await sh('cat', { input: 'abc' })).toEqual(done('abc'));
    });

    test('tells what it cannot open, and prints the rest', async () => {
      expect(await sh('cat /dev/nothing -', { input: 'x' })).toEqual({
        ...{ status: 1, out: 'x', err: 'cat: /dev/nothing: No such file or directory\n' },
      });
    });

    test('stops at Ctrl-C, and closes its file', async () => {
      const stop = new AbortController();
      const heard = (text: string): void => {
        if (text.length > 0) stop.abort();
      };
      const ran = await sh('cat /dev/zero; echo never', { signal: stop.signal, heard });
      expect(ran).toMatchObject({ status: 130, err: '' });
      expect(ran.out).not.toContain('never');
      expect(at.machine.lsmod().map(({ references }) => references)).toEqual([0, 0, 0, 0, 0]);
    });

    test('of a device without end stops when nobody reads it', async () => {
      expect(await sh('cat /dev/zero | head -c 100K | wc -c')).toEqual(done('102400\n'));
    });
  });

  describe('redirection', () => {
    test('into a device and out of it', async () => {
      expect(await sh('echo hello > /dev/ramdisk; head -n 1 < /dev/ramdisk')).toEqual(done('hello\n'));
      expect(await sh('echo J | cat > /dev/ramdisk; head -c 6 /dev/ramdisk')).toEqual(done('J\nllo\n'));
    });

    test('of errors', async () => {
      expect(await sh('cat /nope 2> /dev/null')).toEqual({ status: 1, out: '', err: '' });
      expect(await sh('cat /nope 2>&1 | wc -l')).toEqual(done('1\n'));
      expect(await sh('echo a >&2')).toEqual(done('', 'a\n'));
      expect(await sh('cat /nope > /dev/null 2>&1')).toEqual({ status: 1, out: '', err: '' });
    });

    test('of errors, where no module is a null driver', async () => {
      await at.machine.rmmod('null');
      expect(await sh('cat /nope 2> /dev/null; cat /dev/null; cat < /dev/null')).toEqual(done(''));
      expect((await sh('dd if=/dev/zero of=/dev/null bs=1k count=2 status=noxfer')).err).toContain(
        '2+0 records out',
      );
      expect((await sh('ls /dev/null')).status).toBe(2);
      await at.machine.insmod(at.driver('null'));
    });

    test('to what is not there runs nothing', async () => {
      expect(await sh('echo a > /dev/nope')).toEqual({
        ...{ status: 1, out: '', err: 'isolab: /dev/nope: No such file or directory\n' },
      });
      expect(await sh('< /dev/null; > /dev/null')).toEqual(done(''));
    });

    test('>> writes to a device as > does', async () => {
      expect(await sh('echo one > /dev/ramdisk; echo two >> /dev/ramdisk; head -n 1 /dev/ramdisk')).toEqual(
        done('two\n'),
      );
    });

    test('to a full device is an error', async () => {
      const { status, err } = await sh(`dd if=/dev/zero bs=${DISK} count=2 status=none > /dev/ramdisk`);
      expect({ status, err }).toEqual({ status: 1, err: 'dd: write error: No space left on device\n' });
    });
  });

  describe('ioctl', () => {
    // 10 answers with its argument, 13 turns eight bytes round: test/fixtures/probe.ts
    test('prints what the driver answers, and with - the bytes that it leaves', async () => {
      expect(await sh('ioctl /dev/probe 10 0x2a; ioctl /dev/probe 10')).toEqual(done('42\n0\n'));
      expect(await sh('printf abcdefgh. | ioctl /dev/probe 13 -')).toEqual(done('hgfedcba.'));
      expect(await sh('ioctl /dev/probe 10 -4')).toEqual({
        ...{ status: 1, out: '', err: 'ioctl: /dev/probe: Interrupted system call\n' },
      });
      expect((await sh('ioctl /dev/probe 9999')).err).toBe(
        'ioctl: /dev/probe: Inappropriate ioctl for device\n',
      );
      expect((await sh('ioctl /proc/version 1')).err).toContain('Inappropriate ioctl for device');
    });
  });

  describe('dd', () => {
    test('copies blocks and tells how many', async () => {
      const { status, err } = await sh('dd if=/dev/zero of=/dev/ramdisk bs=1k count=2');
      expect(status).toBe(0);
      expect(err).toMatch(
        /^2\+0 records in\n2\+0 records out\n2048 bytes \(2\.0 kB\) copied, \S+ s, \S+ [kMG]?B\/s\n$/,
      );
    });

    test('skips and seeks', async () => {
      const text =
        'echo -n abcdef | dd of=/dev/ramdisk bs=2 seek=3 status=none; dd if=/dev/ramdisk bs=2 skip=4 count=1';
      expect(await sh(text)).toMatchObject({
        status: 0,
        out: 'cd',
        err: expect.stringMatching(/^1\+0 rec/) as string,
      });
    });

    test('counts blocks that are not whole', async () => {
      const { err } = await sh('echo -n abcde | dd bs=2 of=/dev/null status=noxfer');
      expect(err).toBe('2+1 records in\n2+1 records out\n');
      expect((await sh(`dd if=/dev/ramdisk bs=${DISK - 1} of=/dev/null status=noxfer`)).err).toContain(
        '1+1 records in',
      );
    });

    test('writes no further than the device goes', async () => {
      const { status, err } = await sh('dd if=/dev/zero of=/dev/ramdisk bs=1k status=noxfer');
      expect(status).toBe(1);
      expect(err).toBe(
        "dd: error writing '/dev/ramdisk': No space left on device\n5+0 records in\n4+0 records out\n",
      );
    });

    test.each([
      ['dd bs=0', "dd: invalid number: '0'\n"],
      ['dd bs=x', "dd: invalid number: 'x'\n"],
      ['dd frob=1', "dd: unrecognized operand 'frob=1'\n"],
      ['dd if=/nope', "dd: failed to open '/nope': No such file or directory\n"],
    ])('%s', async (text, err) => {
      const ran = await sh(text);
      expect(ran).toMatchObject({ status: 1, out: '' });
      expect(ran.err).toContain(err);
    });
  });

  describe('hexdump', () => {
    const input = 'isolab: 16 bytes'.padEnd(64, '.') + 'end';

    test('-C shows bytes and text, and rows that are alike once', async () => {
      expect(await sh('hexdump -C', { input })).toEqual(
        done(
          [
            '00000000  69 73 6f 6c 61 62 3a 20  31 36 20 62 79 74 65 73  |isolab: 16 bytes|',
            '00000010  2e 2e 2e 2e 2e 2e 2e 2e  2e 2e 2e 2e 2e 2e 2e 2e  |................|',
            '*',
            '00000040  65 6e 64                                          |end|',
            '00000043',
            '',
          ].join('\n'),
        ),
      );
    });

    test('shows words without it, from -s and no more than -n', async () => {
      expect((await sh('hexdump -s 1 -n 3', { input })).out.replace(/ +$/gm, '')).toBe(
        '0000001 6f73 006c\n0000004\n',
      );
      expect((await sh('hexdump -n 8 /dev/zero')).out.replace(/ +$/gm, '')).toBe(
        '0000000 0000 0000 0000 0000\n0000008\n',
      );
    });
  });

  describe('head, tail, wc, grep', () => {
    const input = 'one\ntwo\nthree\nfour\n';

    test('head', async () => {
      expect(await sh('head -n 2', { input })).toEqual(done('one\ntwo\n'));
      expect(await sh('head -c 5', { input })).toEqual(done('one\nt'));
      expect(await sh('head -n 0', { input })).toEqual(done(''));
      expect(await sh('head -n 9', { input: 'a' })).toEqual(done('a'));
      expect((await sh('head -c x')).err).toContain("head: invalid number of bytes: 'x'");
    });

    test('grep -r goes through directories and leaves out devices', async () => {
      expect(await sh('grep -r isolab /proc/sys/kernel/')).toEqual(
        done('/proc/sys/kernel/hostname:isolab\n/proc/sys/kernel/ostype:isolab\n'),
      );
      expect(await sh('grep -rl . /dev')).toEqual({ status: 1, out: '', err: '' });
      expect(await sh('grep isolab /proc /proc/sys/kernel/ostype')).toEqual({
        ...{ status: 2, out: '/proc/sys/kernel/ostype:isolab\n', err: 'grep: /proc: Is a directory\n' },
      });
    });

    test('a device without lines is no line', async () => {
      expect(await sh('grep x /dev/zero')).toEqual({
        ...{ status: 1, out: '', err: 'grep: a line is longer than 1048576 characters\n' },
      });
    });

    test('tail', async () => {
      expect(await sh('tail -n 1', { input })).toEqual(done('four\n'));
      expect(await sh('tail', { input })).toEqual(done(input));
    });

    test('wc', async () => {
      expect(await sh('wc', { input })).toEqual(done('      4       4      19\n'));
      expect(await sh('wc -l - /dev/null', { input })).toEqual(
        done('4 standard input\n0 /dev/null\n4 total\n'),
      );
    });

    test('grep', async () => {
      expect(await sh("grep 'o.$'", { input })).toEqual({ status: 1, out: '', err: '' });
      expect(await sh('grep -n O -i', { input })).toEqual(done('1:one\n2:two\n4:four\n'));
      expect(await sh('grep -vc o', { input })).toEqual(done('1\n'));
      expect(await sh('grep -F . && echo never', { input })).toEqual({ status: 1, out: '', err: '' });
      expect((await sh("grep -E '('")).err).toBe('grep: Unmatched ( or \\(: (\n');
      expect((await sh('grep')).status).toBe(2);
    });
  });
});
