// The tree of files: directories, stat, names of devices, /proc of the kernel and of drivers, and the errnos of all that.

import { afterEach, describe, expect, test } from 'vitest';
import {
  EACCES,
  EEXIST,
  EINVAL,
  EIO,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
} from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, O_WRONLY, SEEK_SET } from '../../../kernel/abi/operation.ts';
import {
  bytes,
  expectLine,
  pattern,
  text,
  withMachine,
  type Bench,
  type Setting,
} from '../../support/machine.ts';
import type { Client } from '../../../host/machine/shared/types.ts';

/** A whole file, `step` bytes at a time. */
export async function cat(client: Client, path: string, step = 65536): Promise<string> {
  const fd = await client.open(path, O_RDONLY);
  if (fd < 0) throw new Error(`cannot be opened (errno ${-fd}): ${path}`);
  const pieces: string[] = [];
  try {
    for (;;) {
      const { result, data } = await client.read(fd, step);
      if (result < 0) throw new Error(`cannot be read (errno ${-result}): ${path}`);
      if (result === 0) return pieces.join('');
      pieces.push(text(data));
    }
  } finally {
    await client.close(fd);
  }
}

/** Writes a text to a file. @returns the result of open or write */
export async function echo(client: Client, path: string, line: string): Promise<number> {
  const fd = await client.open(path, O_WRONLY);
  if (fd < 0) return fd;
  const result = await client.write(fd, bytes(line));
  await client.close(fd);
  return result;
}

const names = async (at: Setting, path: string): Promise<string[]> => {
  const { result, entries } = await at.console.readdir(path);
  expect(result).toBe(0);
  return entries.map(({ name }) => name).sort();
};

/** What /proc/procdir/lines has. */
const LINES = Array.from({ length: 1000 }, (_, i) => i + 1)
  .filter((line) => line % 13 !== 0)
  .map((line) => `line ${line}${line % 100 === 0 ? 'x'.repeat(5000) : ''}\n`)
  .join('');

export function tree(bench: Bench): void {
  describe('tree', () => {
    const at = withMachine(bench, { null: '', ramdisk: 'size=4096', procfile: '' });
    afterEach(() => expect(at.machine.check()).toEqual([]));

    test('directories are listed', async () => {
      expect(await names(at, '/')).toEqual(['dev', 'proc', 'sys']);
      expect(await names(at, '/dev')).toEqual(expect.arrayContaining(['null', 'ramdisk']));
      expect(await names(at, '/proc')).toEqual(
        expect.arrayContaining(['devices', 'procdir', 'procfile', 'uptime', 'version']),
      );
      expect(await names(at, '/proc/procdir/')).toEqual(['deep', 'lines']);
      expect(await names(at, '//proc/./procdir/../procdir/deep')).toEqual(['one', 'two']);
      const client = await at.machine.attach();
      expect((await client.readdir('/proc/procdir')).entries).toEqual(
        expect.arrayContaining([
          { name: 'deep', type: 'directory' },
          { name: 'lines', type: 'file' },
        ]),
      );
      await client.end();
    });

    test('a directory can be opened for reading alone, and cannot be read', async () => {
      expect(await at.console.open('/proc', O_RDWR)).toBe(-EISDIR);
      expect(await at.console.open('/dev/', O_WRONLY)).toBe(-EISDIR);
      const fd = await at.open('/dev', O_RDONLY);
      expect((await at.console.read(fd, 10)).result).toBe(-EISDIR);
      expect((await at.console.readdir('/dev/null')).result).toBe(-ENOTDIR);
      expect((await at.console.readdir('/nowhere')).result).toBe(-ENOENT);
    });

    test.each([
      ['/dev/null/x', ENOTDIR],
      ['/dev/null/', ENOTDIR],
      ['/proc/version/x/y', ENOTDIR],
      ['/proc/nothing', ENOENT],
      ['/proc/nothing/x', ENOENT],
      ['/sys/module/nothing', ENOENT],
      ['/sys/nothing', ENOENT],
      ['proc', ENOENT],
      [`/proc/${'x'.repeat(60)}`, ENAMETOOLONG],
      [`/${'/'.repeat(300)}proc`, ENAMETOOLONG],
    ])('open and stat of "%s" fail with errno %d', async (path, errno) => {
      expect(await at.console.open(path, O_RDONLY)).toBe(-errno);
      expect(await at.console.stat(path)).toEqual({ result: -errno });
    });

    test('stat tells type, permissions and device', async () => {
      const devices = await cat(at.console, '/proc/devices');
      const major = Number(/^ *(\d+) ramdisk$/m.exec(devices)?.[1]);
      const { stat } = await at.console.stat('/dev/ramdisk');
      expect(stat).toMatchObject({ type: 'device', mode: 0o600, major, minor: 0 });
      expect((await at.console.stat('/proc')).stat).toMatchObject({ type: 'directory', mode: 0o555 });
      const file = (await at.console.stat('/proc/procfile')).stat;
      expect(file).toMatchObject({ type: 'file', mode: 0o644, major: 0, minor: 0 });
      expect((await at.console.stat('/proc/procdir/deep/one')).stat).toMatchObject({ mode: 0o400 });
      const client = await at.machine.attach();
      expect((await client.stat('/proc/procfile')).stat).toEqual(file);
      await client.end();
    });

    test('/proc/devices lists what is registered, as Linux does', async () => {
      const majors = at.machine
        .devices()
        .map(({ path, major }) => [major, path.slice('/dev/'.length)] as const);
      const lines = majors
        .sort(([a], [b]) => a - b)
        .map(([major, name]) => `${String(major).padStart(3)} ${name}\n`)
        .join('');
      expect(await cat(at.console, '/proc/devices')).toBe(`Character devices:\n${lines}\nBlock devices:\n`);
    });

    test('/proc/version and /proc/uptime', async () => {
      expect(await cat(at.console, '/proc/version')).toMatch(/^isolab version \d+\.\d+\.\d+ .*\n$/);
      const first = Number((await cat(at.console, '/proc/uptime')).split(' ')[0]);
      const second = Number((await cat(at.console, '/proc/uptime')).split(' ')[0]);
      expect(await cat(at.console, '/proc/uptime')).toMatch(/^\d+\.\d\d 0\.00\n$/);
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThanOrEqual(first);
    });

    test('/proc/mounts and /proc/filesystems name what there is in the root', async () => {
      const mounts = (await cat(at.console, '/proc/mounts')).trimEnd().split('\n');
      expect(mounts.map((line) => line.split(' ')[1])).toEqual(
        (await names(at, '/')).map((name) => `/${name}`),
      );
      const types = (await cat(at.console, '/proc/filesystems')).replaceAll('nodev\t', '').trimEnd();
      expect(mounts.map((line) => line.split(' ')[2])).toEqual(types.split('\n'));
    });

    test('a file of a driver is made anew by each reading, and takes what is written', async () => {
      expect(await echo(at.console, '/proc/procfile', 'hello')).toBe(5);
      const fd = await at.open('/proc/procfile', O_RDWR);
      const first = await at.console.read(fd, 4096);
      expect(text(first.data)).toMatch(/^counter \d+ data beef written hello\n$/);
      expect((await at.console.read(fd, 4096)).result).toBe(0);
      expect(await at.console.write(fd, bytes('again'))).toBe(5);
      expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
      const again = text((await at.console.read(fd, 4096)).data);
      const count = Number(text(first.data).split(' ')[1]);
      expect(again).toBe(`counter ${count + 1} data beef written again\n`);
      expect(await at.console.write(fd, pattern(64))).toBe(-EINVAL);
    });

    test.each([61, 333, 4096, 100000])('a long file read %d bytes at a time is whole', async (step) => {
      expect(await cat(at.console, '/proc/procdir/lines', step)).toBe(LINES);
    });

    test('a long file can be read from any place', async () => {
      const fd = await at.open('/proc/procdir/lines', O_RDONLY);
      for (const place of [0, 1, 700, 5000, 20000, LINES.length - 3, LINES.length, 700, 6, 0]) {
        expect(await at.console.lseek(fd, place, SEEK_SET)).toBe(place);
        const piece = text((await at.console.read(fd, 500)).data);
        expect(piece.length > 0).toBe(place < LINES.length);
        expect(piece).toBe(LINES.slice(place, place + piece.length));
      }
      expect(await at.console.lseek(fd, -1, SEEK_SET)).toBe(-EINVAL);
    });

    test('permissions are the file’s', async () => {
      expect(await at.console.open('/proc/version', O_WRONLY)).toBe(-EACCES);
      expect(await at.console.open('/proc/procdir/lines', O_RDWR)).toBe(-EACCES);
      expect(await cat(at.console, '/proc/procdir/deep/one')).toBe('one\n');
      expect(await cat(at.console, '/proc/driver/procfile')).toBe('one\n');
    });

    test('mknod makes another name of a device, unlink takes it away', async () => {
      const major = (await at.console.stat('/dev/ramdisk')).stat!.major;
      expect(await at.console.mknod('/dev/disk', 0o640, major, 3)).toBe(0);
      expect((await at.console.stat('/dev/disk')).stat).toMatchObject({
        type: 'device',
        mode: 0o640,
        major,
        minor: 3,
      });
      expect(await at.console.mknod('/dev/disk', 0o640, major, 3)).toBe(-EEXIST);
      const fd = await at.open('/dev/disk', O_RDWR);
      expect(await at.console.write(fd, bytes('same disk'))).toBe(9);
      expect((await cat(at.console, '/dev/ramdisk')).slice(0, 9)).toBe('same disk');
      expect(await at.console.unlink('/dev/disk')).toBe(0);
      expect(await at.console.unlink('/dev/disk')).toBe(-ENOENT);
      expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
      expect((await at.console.read(fd, 4)).result).toBe(4);
      expect(await names(at, '/dev')).not.toContain('disk');
    });

    test('what mknod and unlink refuse', async () => {
      expect(await at.console.mknod('/dev/nobody', 0o600, 200, 0)).toBe(0);
      expect(await at.console.open('/dev/nobody', O_RDONLY)).toBe(-ENXIO);
      expect(await at.console.unlink('/dev/nobody')).toBe(0);
      expect(await at.console.mknod('/proc/new', 0o600, 200, 0)).toBe(-EPERM);
      expect(await at.console.mknod('/dev/no/new', 0o600, 200, 0)).toBe(-ENOENT);
      expect(await at.console.mknod('/dev/null/new', 0o600, 200, 0)).toBe(-ENOTDIR);
      expect(await at.console.mknod('/dev', 0o600, 200, 0)).toBe(-EEXIST);
      expect(await at.console.mknod('/dev/new', 0o600, 4096, 0)).toBe(-EINVAL);
      expect(await at.console.mknod('/dev/new', 0o600, 200, 1 << 20)).toBe(-EINVAL);
      expect(await at.console.unlink('/dev')).toBe(-EISDIR);
      expect(await at.console.unlink('/proc/version')).toBe(-EPERM);
      expect(await at.console.unlink('/dev/nothing')).toBe(-ENOENT);
    });

    test('a driver’s files go with it, and its device’s name too', async () => {
      const before = await names(at, '/proc');
      await at.machine.rmmod('procfile');
      const after = await names(at, '/proc');
      expect(before.filter((name) => !after.includes(name))).toEqual(['procdir', 'procfile']);
      expect(await names(at, '/proc/driver')).toEqual([]);
      expect(at.log().join('\n')).not.toContain('proc files registered');
      await at.machine.insmod(await bench.fixture('procfile'), '');
      expect(await names(at, '/proc')).toEqual(before);
      await at.machine.rmmod('null');
      expect(await names(at, '/dev')).not.toContain('null');
      await at.machine.insmod(at.driver('null'));
      expect(await names(at, '/dev')).toContain('null');
    });

    test('what a module forgets in /proc is said and taken away', async () => {
      await at.machine.rmmod('procfile');
      const start = at.logged;
      const before = at.machine.accounting();
      await at.machine.insmod(await bench.fixture('procfile'), 'forgetful=1');
      await at.machine.rmmod('procfile');
      expectLine(at.log(start), 'procfile: left 7 proc files registered');
      expect(at.log(start).filter((line) => line.includes('files registered'))).toHaveLength(1);
      expect(await at.console.stat('/proc/procfile')).toEqual({ result: -ENOENT });
      expect(at.machine.accounting()).toEqual(before);
      await at.machine.insmod(await bench.fixture('procfile'), '');
    });

    test('an open proc file keeps its module', async () => {
      const fd = await at.console.open('/proc/procfile', O_RDONLY);
      await expect(at.machine.rmmod('procfile')).rejects.toThrow();
      expect(await at.console.close(fd)).toBe(0);
      expect(at.machine.lsmod().find(({ name }) => name === 'procfile')?.references).toBe(0);
    });
  });
  describe('a proc file that traps', () => {
    const at = withMachine(bench, { procfile: 'poisoned=1' });

    test('ends its reader as a device would, and comes again', async () => {
      const client = await at.machine.attach();
      const fd = await client.open('/proc/procfile', O_RDONLY);
      const died = client.read(fd, 10).then(
        ({ result }) => result,
        (error: Error) => error.name,
      );
      expect(await died).toBe(bench.placement === 'monolithic' ? 'Killed' : -EIO);
      await at.machine.settled();
      expect(await cat(at.console, '/proc/driver/procfile')).toBe('one\n');
      expect(await names(at, '/proc/procdir')).toEqual(['deep', 'lines']);
      if (bench.placement !== 'monolithic') {
        expect((await client.read(fd, 10)).result).toBe(-EIO);
        expect(await client.close(fd)).toBe(0);
      }
      await client.end();
    });
  });
}
