// `isolab shell` as a process: -c, a script on standard input, both machines, and that it ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../host/cli/root.ts';
import { PLACEMENTS } from '../support/machine.ts';

function start(argv: string[]) {
  const child = spawn(process.execPath, [join(ROOT, 'dist/host/cli/main.js'), 'shell', ...argv]);
  const seen = { out: '', error: '' };
  child.stdout.on('data', (data: Buffer) => (seen.out += data.toString('latin1')));
  child.stderr.on('data', (data: Buffer) => (seen.error += data.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...seen }));
  return { child, ended };
}

function isolab(argv: string[], input: string | Buffer = '') {
  const { child, ended } = start(argv);
  child.stdin.end(input);
  return ended;
}

test.each(PLACEMENTS)('-c on the %s machine has the status of the last command', async (placement) => {
  const argv = ['--placement', placement, '-c'];
  expect(await isolab([...argv, 'insmod zero; head -c 2 /dev/zero; cat /nope'])).toEqual({
    ...{ code: 1, out: '\0\0', error: 'cat: /nope: No such file or directory\n' },
  });
  expect(await isolab([...argv, 'exit 42'])).toEqual({ code: 42, out: '', error: '' });
});

test('-c has the standard input, bytes as they are', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const { code, out } = await isolab(
    ['-c', 'insmod ramdisk size=4096; cat > /dev/ramdisk; head -c 256 /dev/ramdisk'],
    bytes,
  );
  expect(code).toBe(0);
  expect(Buffer.from(out, 'latin1').equals(bytes)).toBe(true);
});

test('a script on standard input', async () => {
  const script = '# a script\ninsmod zero\nlsmod |\n  tail -n 1 | grep -c zero\ncat\nfalse\n';
  expect(await isolab([], script)).toEqual({ code: 1, out: '1\n', error: '' });
});

test('--both shows once what is alike, and marks what differs', async () => {
  const { code, out, error } = await isolab(['--both', '-c', 'insmod zero; insmod zero; ps | grep zero']);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(
    new RegExp(
      [
        '^\\$ insmod zero',
        '\\$ insmod zero',
        'both:',
        '  insmod: ERROR: could not insert module zero: File exists',
        '\\$ ps \\| grep zero',
        'monolithic:',
        '\\|     1 kernel .*zero',
        'microkernel:',
        '\\|     2 zero .*zero',
        '$',
      ].join('\n'),
    ),
  );
});

test('opening a device loads its driver, unless that is switched off', async () => {
  const { code, out } = await isolab(['--both', '-c', 'head -c 3 /dev/zero | wc -c; lsmod | grep -c zero']);
  expect({ code, out }).toEqual({
    ...{ code: 0, out: '$ head -c 3 /dev/zero | wc -c\nboth:\n  3\n$ lsmod | grep -c zero\nboth:\n  1\n' },
  });
  expect(await isolab(['-c', 'sysctl -n kernel.request_module=0; cat /dev/zero'])).toEqual({
    ...{ code: 1, out: '0\n', error: 'cat: /dev/zero: No such file or directory\n' },
  });
});

const DEPENDENCIES = 'modprobe stacked; lsmod; cat /proc/modules; rmmod base';

test('modules on modules look the same on both machines, but for addresses', async () => {
  const [one, other] = [
    await isolab(['--placement', 'monolithic', '-c', DEPENDENCIES]),
    await isolab(['--placement', 'microkernel', '-c', DEPENDENCIES]),
  ];
  expect(one.error).toBe('rmmod: ERROR: Module base is in use by: stacked\n');
  expect(one.code).toBe(1);
  expect(one.out).toMatch(
    new RegExp(
      [
        '^Module {18}Size {2}Used by',
        'stacked +\\d+ {2}0',
        'base +\\d+ {2}1 stacked',
        'stacked \\d+ 0 - Live 0x[0-9a-f]{8}',
        'base \\d+ 1 stacked, Live 0x[0-9a-f]{8}',
        '$',
      ].join('\n'),
    ),
  );
  const addressless = ({ out, ...rest }: typeof one) => ({
    ...rest,
    out: out.replace(/0x[0-9a-f]{8}/g, '0x'),
  });
  expect(addressless(other)).toEqual(addressless(one));
});

test('both machines read the same standard input', async () => {
  const { code, out } = await isolab(['--both', '-c', 'cat'], 'same text\n');
  expect({ code, out }).toEqual({ code: 0, out: '$ cat\nboth:\n  same text\n' });
});

test('--both has the status of the machine that failed', async () => {
  expect((await isolab(['--both', '-c', 'insmod zero; kill zero'])).code).toBe(1);
});

describe('Ctrl-C', () => {
  test('ends a command that reads without end, and the shell', async () => {
    const { child, ended } = start(['-c', 'insmod zero; cat /dev/zero']);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });
});

test('--modules names a folder, and only its modules are known', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isolab-'));
  try {
    expect(await isolab(['--modules', folder, '-c', 'insmod zero'])).toMatchObject({
      ...{ code: 1, error: 'insmod: ERROR: could not load module zero: No such file or directory\n' },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(await isolab(['--modules', folder, '-c', 'true'])).toEqual({
    ...{ code: 1, out: '' },
    error: `isolab: the folder of modules cannot be read: No such file or directory: ${folder}\n`,
  });
});

test("--config is modprobe's configuration", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isolab-'));
  const config = join(folder, 'modprobe.conf');
  try {
    writeFileSync(config, 'alias disk ramdisk\noptions ramdisk size=8192\nnonsense\n');
    const ran = await isolab(['--config', config, '-c', 'modprobe disk; dmesg -t | tail -n 1']);
    expect(ran).toEqual({
      ...{ code: 0, out: 'ramdisk: 8 KiB\n' },
      error: `modprobe: ERROR: ${config} line 3: ignoring bad line starting with 'nonsense'\n`,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(await isolab(['--config', config, '-c', 'true'])).toEqual({
    ...{ code: 1, out: '' },
    error: `isolab: the configuration cannot be read: No such file or directory: ${config}\n`,
  });
});

test('a wrong command line is not understood', async () => {
  expect((await isolab(['--placement', 'sideways'])).code).toBe(2);
  expect((await isolab(['--both', '--placement', 'monolithic'])).code).toBe(2);
});
