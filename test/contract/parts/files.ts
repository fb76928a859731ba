// Files on devices: open, close, read, write, lseek, ioctl, and every errno a client can be answered with.

import { afterEach, describe, expect, test } from 'vitest';
import {
  EBADF,
  EBUSY,
  EFAULT,
  EINVAL,
  EIO,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  ENOTTY,
  ESPIPE,
} from '../../../kernel/abi/errno.ts';
import { MAX_FDS } from '../../../kernel/abi/limits.ts';
import { USER_BASE, USER_SIZE } from '../../../kernel/abi/map.ts';
import { O_RDONLY, O_RDWR, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { bytes, pattern, text, withMachine, type Bench } from '../../support/machine.ts';
import { DIFFERENCES } from './differences.ts';

const DISK = 65536;
/** ioctls of test/fixtures/probe.ts */
const [ADD_EXTRA, REMOVE_EXTRA, REFUSE_OPEN, REACH_FURTHER, OPENING, KEEP_POINTER, ECHO, REVERSE] = [
  4, 5, 6, 7, 8, 9, 10, 13,
];

export function files(bench: Bench): void {
  describe('files', () => {
    const at = withMachine(bench, { null: '', zero: '', ramdisk: `size=${DISK}`, probe: '' });
    const differs = DIFFERENCES[bench.placement];
    afterEach(() => expect(at.machine.check()).toEqual([]));

    test('open gives the lowest free descriptor', async () => {
      const first = await at.open('/dev/null', O_RDONLY);
      const second = await at.console.open('/dev/null', O_RDONLY);
      expect(second).toBe(first + 1);
      expect(await at.console.close(second)).toBe(0);
      expect(await at.open('/dev/zero', O_RDWR)).toBe(second);
    });

    test.each(['/dev/nothing', 'null', '', '/tmp/null', '/dev/no/x'])(
      'open of "%s" is ENOENT',
      async (path) => expect(await at.console.open(path, O_RDONLY)).toBe(-ENOENT),
    );

    test('open of a path longer than any device has is ENAMETOOLONG', async () => {
      expect(await at.console.open(`/dev/${'x'.repeat(100)}`, O_RDONLY)).toBe(-ENAMETOOLONG);
    });

    test.each([3, -1, 0x7fffffff])('open with flags %d is EINVAL', async (flags) => {
      expect(await at.console.open('/dev/null', flags)).toBe(-EINVAL);
    });

    test('open fails with what the driver answers, and leaves nothing open', async () => {
      const control = await at.open('/dev/probe', O_RDWR);
      expect(await at.console.ioctl(control, REFUSE_OPEN, -EBUSY)).toBe(0);
      expect(await at.console.open('/dev/probe', O_RDONLY)).toBe(-EBUSY);
      expect(at.machine.lsmod().find(({ name }) => name === 'probe')?.references).toBe(1);
      expect(await at.console.ioctl(control, REFUSE_OPEN, 0)).toBe(0);
      expect(await at.console.close(await at.console.open('/dev/probe', O_RDONLY))).toBe(0);
    });

    test(`the ${MAX_FDS + 1}th open file of a client is EMFILE`, async () => {
      for (let i = 0; i < MAX_FDS; i++) await at.open('/dev/null', O_RDONLY);
      expect(await at.console.open('/dev/null', O_RDONLY)).toBe(-EMFILE);
    });

    test.each([-1, 0, 15, 16, 0x7fffffff])(
      'descriptor %d that is not open is EBADF everywhere',
      async (fd) => {
        expect(await at.console.close(fd)).toBe(-EBADF);
        expect((await at.console.read(fd, 1)).result).toBe(-EBADF);
        expect(await at.console.write(fd, pattern(1))).toBe(-EBADF);
        expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(-EBADF);
        expect(await at.console.ioctl(fd, 0, 0)).toBe(-EBADF);
      },
    );

    test('a file can be closed once', async () => {
      const fd = await at.console.open('/dev/null', O_RDONLY);
      expect(await at.console.close(fd)).toBe(0);
      expect(await at.console.close(fd)).toBe(-EBADF);
    });

    test('reading needs a file that was opened for it, writing too', async () => {
      const reading = await at.open('/dev/ramdisk', O_RDONLY);
      const writing = await at.open('/dev/ramdisk', O_WRONLY);
      expect(await at.console.write(reading, pattern(4))).toBe(-EBADF);
      expect((await at.console.read(writing, 4)).result).toBe(-EBADF);
      expect((await at.console.read(reading, 4)).result).toBe(4);
      expect(await at.console.write(writing, pattern(4))).toBe(4);
    });

    test('a buffer beyond the client’s memory is EFAULT, a negative count EINVAL', async () => {
      const fd = await at.open('/dev/zero', O_RDWR);
      expect((await at.console.read(fd, USER_SIZE)).result).toBe(USER_SIZE);
      expect((await at.console.read(fd, USER_SIZE + 1)).result).toBe(-EFAULT);
      expect((await at.console.read(fd, -1)).result).toBe(-EINVAL);
      expect(await at.console.write(fd, new Uint8Array(USER_SIZE + 1))).toBe(-EINVAL);
    });

    test('null takes everything and gives nothing', async () => {
      const fd = await at.open('/dev/null', O_RDWR);
      expect(await at.console.write(fd, pattern(5000))).toBe(5000);
      expect(await at.console.read(fd, 100)).toEqual({ result: 0, data: new Uint8Array() });
    });

    test('zero gives zeros, also more than a page and none', async () => {
      const disk = await at.open('/dev/ramdisk', O_RDWR);
      const fd = await at.open('/dev/zero', O_RDWR);
      await at.console.write(disk, pattern(10000)); // leaves its bytes in the client's buffer
      expect((await at.console.read(fd, 9001)).data).toEqual(new Uint8Array(9001));
      expect(await at.console.read(fd, 0)).toEqual({ result: 0, data: new Uint8Array() });
      expect(await at.console.write(fd, pattern(7))).toBe(7);
    });

    test('operations a device does not have: ESPIPE, ENOTTY, EINVAL', async () => {
      const nothing = await at.open('/dev/null', O_RDWR);
      const extra = await at.open('/dev/extra', O_RDWR);
      expect(await at.console.lseek(nothing, 0, SEEK_SET)).toBe(-ESPIPE);
      expect(await at.console.ioctl(nothing, 1, 0)).toBe(-ENOTTY);
      expect((await at.console.read(extra, 1)).result).toBe(-EINVAL);
      expect(await at.console.write(extra, pattern(3))).toBe(3);
    });

    test('the disk gives back what was written, at any size and place', async () => {
      const fd = await at.open('/dev/ramdisk', O_RDWR);
      for (const [offset, size] of [
        [0, 1],
        [1, 64],
        [4095, 2],
        [777, 4096],
        [0, DISK],
      ] as const) {
        const data = pattern(size, offset + 1);
        expect(await at.console.lseek(fd, offset, SEEK_SET)).toBe(offset);
        expect(await at.console.write(fd, data)).toBe(size);
        expect(await at.console.lseek(fd, -size, SEEK_CUR)).toBe(offset);
        expect(await at.console.read(fd, size)).toEqual({ result: size, data });
      }
    });

    test('the disk ends: a read gives what is left and then nothing, a write ENOSPC', async () => {
      const fd = await at.open('/dev/ramdisk', O_RDWR);
      expect(await at.console.lseek(fd, -10, SEEK_END)).toBe(DISK - 10);
      expect((await at.console.read(fd, 100)).result).toBe(10);
      expect((await at.console.read(fd, 100)).result).toBe(0);
      expect(await at.console.write(fd, pattern(1))).toBe(-ENOSPC);
      expect(await at.console.write(fd, new Uint8Array())).toBe(0);
      expect(await at.console.lseek(fd, -4, SEEK_CUR)).toBe(DISK - 4);
      expect(await at.console.write(fd, pattern(100))).toBe(4);
    });

    test('lseek outside the disk, or by no known rule, is EINVAL and moves nothing', async () => {
      const fd = await at.open('/dev/ramdisk', O_RDWR);
      await at.console.lseek(fd, 100, SEEK_SET);
      for (const [offset, whence] of [
        [-1, SEEK_SET],
        [DISK + 1, SEEK_SET],
        [1, SEEK_END],
        [-101, SEEK_CUR],
      ] as const) {
        expect(await at.console.lseek(fd, offset, whence)).toBe(-EINVAL);
      }
      expect(await at.console.lseek(fd, 0, 3)).toBe(-EINVAL);
      expect(await at.console.lseek(fd, 0, -1)).toBe(-EINVAL);
      expect(await at.console.lseek(fd, 0, SEEK_CUR)).toBe(100);
      expect(await at.console.lseek(fd, 0, SEEK_END)).toBe(DISK);
    });

    test('each open file has a position and private data of its own', async () => {
      const [one, two] = [await at.open('/dev/ramdisk', O_RDWR), await at.open('/dev/ramdisk', O_RDONLY)];
      expect(await at.console.write(one, pattern(8, 9))).toBe(8);
      expect((await at.console.read(two, 8)).data).toEqual(pattern(8, 9));
      const [three, four] = [await at.open('/dev/probe', O_RDWR), await at.open('/dev/probe', O_RDWR)];
      const opening = await at.console.ioctl(three, OPENING, 0);
      expect(await at.console.ioctl(four, OPENING, 0)).toBe(opening + 1);
      expect(await at.console.ioctl(three, OPENING, 0)).toBe(opening);
    });

    test('an ioctl’s argument reaches the driver and its answer the caller', async () => {
      const fd = await at.open('/dev/probe', O_RDWR);
      for (const word of [0, 1, 0x7fffffff]) expect(await at.console.ioctl(fd, ECHO, word)).toBe(word);
      expect(await at.console.ioctl(fd, ECHO, -EFAULT)).toBe(-EFAULT);
      expect(await at.console.ioctl(fd, 12345, 0)).toBe(-ENOTTY);
    });

    test('an ioctl’s argument may be a buffer, which a driver reads and writes', async () => {
      const fd = await at.open('/dev/probe', O_RDWR);
      const buffer = bytes('abcdefgh ');
      expect(await at.console.ioctl(fd, REVERSE, buffer)).toBe(8);
      expect(text(buffer)).toBe('hgfedcba ');
      expect(await at.console.ioctl(fd, ECHO, new Uint8Array())).toBeGreaterThanOrEqual(USER_BASE);
      expect(await at.console.ioctl(fd, REVERSE, new Uint8Array(USER_SIZE + 1))).toBe(-EINVAL);
      // An address that is not the caller's, and one with less than eight bytes behind it.
      for (const address of [0, USER_BASE - 8, USER_BASE + USER_SIZE, USER_BASE + USER_SIZE - 7])
        expect(await at.console.ioctl(fd, REVERSE, address)).toBe(-EFAULT);
      expect(await at.console.ioctl(fd, REVERSE, USER_BASE + USER_SIZE - 8)).toBe(8);
    });

    test('a driver can copy to what the call grants; beyond that see differences.ts', async () => {
      const fd = await at.open('/dev/probe', O_RDWR);
      const read = async (): Promise<{ result: number; text: string }> => {
        const { result, data } = await at.console.read(fd, 8);
        return { result, text: text(data) };
      };
      expect(await read()).toEqual({ result: 8, text: 'probe...' });
      expect(await at.console.ioctl(fd, REACH_FURTHER, 1)).toBe(0);
      expect(await read()).toEqual(
        differs.copyBeyondRequest === 'copied'
          ? { result: 8, text: 'probe...' }
          : { result: -EFAULT, text: '' },
      );
      expect(await at.console.ioctl(fd, REACH_FURTHER, USER_SIZE)).toBe(0);
      expect(await read()).toEqual({ result: -EFAULT, text: '' });
      expect(await at.console.ioctl(fd, REACH_FURTHER, 0)).toBe(0);
    });

    test('what a call granted ends with it; the rest see differences.ts', async () => {
      const fd = await at.open('/dev/probe', O_RDWR);
      expect(await at.console.ioctl(fd, KEEP_POINTER, 1)).toBe(0);
      expect((await at.console.read(fd, 8)).result).toBe(8);
      expect(await at.console.write(fd, pattern(3))).toBe(differs.copyAfterCall === 'copied' ? 3 : -EFAULT);
      expect(await at.console.ioctl(fd, KEEP_POINTER, 0)).toBe(0);
    });

    test('a device that goes takes its open files with it; one that comes again is another', async () => {
      const control = await at.open('/dev/probe', O_RDWR);
      const before = await at.console.open('/dev/extra', O_WRONLY);
      expect(await at.console.ioctl(control, REMOVE_EXTRA, 0)).toBe(0);
      expect(await at.console.write(before, pattern(1))).toBe(-EIO);
      expect(await at.console.open('/dev/extra', O_WRONLY)).toBe(-ENOENT);
      expect(await at.console.ioctl(control, ADD_EXTRA, 0)).toBeGreaterThan(0);
      expect(await at.console.write(before, pattern(1))).toBe(-EIO);
      expect(await at.console.close(before)).toBe(0);
      const after = await at.console.open('/dev/extra', O_WRONLY);
      expect(await at.console.write(after, pattern(1))).toBe(1);
      expect(await at.console.close(after)).toBe(0);
      expect(at.machine.lsmod().find(({ name }) => name === 'probe')?.references).toBe(1);
    });

    test('a device’s name belongs to one', async () => {
      const control = await at.open('/dev/probe', O_RDWR);
      expect(await at.console.ioctl(control, ADD_EXTRA, 0)).toBe(-EBUSY);
    });
  });
}
