// The data store: a driver that dies in a domain of its own comes back with what it had; what is removed leaves nothing.

import { describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import { E2BIG, EINVAL, EIO, ENAMETOOLONG, ENOENT, ENXIO } from '../../../kernel/abi/errno.ts';
import { O_RDONLY, O_RDWR, SEEK_SET } from '../../../kernel/abi/operation.ts';
import { saying } from '../../support/altered.ts';
import { driverIs, expectLine, nextEvent, pattern, withMachine, type Bench } from '../../support/machine.ts';

const DISK = 0x4000;

export function store(bench: Bench): void {
  describe('the data store', () => {
    const at = withMachine(bench);
    const isolated = bench.placement !== 'monolithic';

    const whole = async (fd: number): Promise<Uint8Array> => {
      expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
      const { result, data } = await at.console.read(fd, DISK);
      expect(result).toBe(DISK);
      return data;
    };

    /** Loads a driver that is not restarted. */
    const loadTemporary = (file: LoadedModule, parameters = ''): Promise<void> =>
      at.machine.insmod(saying(file, 'restart', 'temporary'), parameters);

    /** Such a driver dies. */
    const giveUp = async (name: string): Promise<void> => {
      const over = nextEvent(at.machine, driverIs(name, 'failed'));
      at.machine.kill(name);
      await over;
      await at.machine.settled();
    };

    test.runIf(isolated)('a ramdisk that dies loses nothing, however often', async () => {
      await at.load(at.driver('ramdisk'), `size=${DISK}`);
      const fd = await at.open('/dev/ramdisk', O_RDWR);
      const content = pattern(DISK);
      expect(await at.console.write(fd, content)).toBe(DISK);
      for (let round = 0; round < 3; round++) {
        const back = nextEvent(at.machine, driverIs('ramdisk', 'up'));
        at.machine.kill('ramdisk');
        await back;
        expect(await whole(fd)).toEqual(content);
        const other = await at.open('/dev/ramdisk', O_RDONLY);
        expect(await whole(other)).toEqual(content);
        content.set(pattern(1000, round), round * 5000);
        expect(await at.console.lseek(fd, round * 5000, SEEK_SET)).toBe(round * 5000);
        expect(await at.console.write(fd, pattern(1000, round))).toBe(1000);
      }
      expect(await whole(fd)).toEqual(content);
      expect(at.machine.check()).toEqual([]);
      expect(at.machine.status().drivers[0]).toMatchObject({ state: 'up', restarts: 3 });
    });

    test.runIf(isolated)('a read over which the ramdisk dies is answered', async () => {
      await at.load(at.driver('ramdisk'), `size=${DISK}`);
      const fd = await at.open('/dev/ramdisk', O_RDWR);
      expect(await at.console.write(fd, pattern(DISK))).toBe(DISK);
      expect(await at.console.lseek(fd, 0, SEEK_SET)).toBe(0);
      const back = nextEvent(at.machine, driverIs('ramdisk', 'up'));
      at.machine.kill('ramdisk');
      const { data } = await at.console.read(fd, DISK);
      expect(data).toEqual(pattern(DISK));
      await back;
    });

    test('nothing is left of a ramdisk that was removed', async () => {
      await at.machine.insmod(at.driver('ramdisk'), `size=${DISK}`);
      const writing = await at.console.open('/dev/ramdisk', O_RDWR);
      expect(await at.console.write(writing, pattern(DISK))).toBe(DISK);
      expect(await at.console.close(writing)).toBe(0);
      await at.machine.rmmod('ramdisk');
      await at.load(at.driver('ramdisk'), `size=${DISK}`);
      const fd = await at.open('/dev/ramdisk', O_RDONLY);
      expect(await whole(fd)).toEqual(new Uint8Array(DISK));
    });

    test.runIf(isolated)('nothing is left of a driver that is given up', async () => {
      const before = at.machine.accounting();
      await loadTemporary(await bench.fixture('keepsake'));
      await giveUp('keepsake');
      expect(at.machine.accounting()).toEqual(before);
      await at.machine.rmmod('keepsake');
      expect(at.machine.check()).toEqual([]);
    });

    test.runIf(isolated)('names of a driver that is given up stay until it is removed', async () => {
      const before = at.machine.devices();
      for (const [file, parameters, path] of [
        [at.driver('ramdisk'), `size=${DISK}`, '/dev/ramdisk'],
        [await bench.fixture('procfile'), '', '/proc/procfile'],
      ] as const) {
        const { name } = file;
        await loadTemporary(file, parameters);
        await giveUp(name);
        expect(await at.console.open(path, O_RDONLY)).toBe(-ENXIO);
        await at.machine.rmmod(name);
        expect(await at.console.open(path, O_RDONLY)).toBe(-ENOENT);
      }
      expect(at.machine.devices()).toEqual(before);
      expect(at.machine.check()).toEqual([]);
    });

    test.runIf(isolated)('a file of a driver that is gone is never that of another', async () => {
      await loadTemporary(at.driver('ramdisk'), `size=${DISK}`);
      const old = await at.console.open('/dev/ramdisk', O_RDONLY);
      await giveUp('ramdisk');
      await at.machine.rmmod('ramdisk');
      await at.load(at.driver('ramdisk'), `size=${DISK}`);
      const back = nextEvent(at.machine, driverIs('ramdisk', 'up'));
      at.machine.kill('ramdisk'); // whose files are opened anew
      await back;
      expect(await whole(await at.open('/dev/ramdisk', O_RDONLY))).toEqual(new Uint8Array(DISK));
      expect((await at.console.read(old, 8)).result).toBe(-EIO);
      expect(await at.console.close(old)).toBe(0);
    });

    test.runIf(isolated)('a refused insmod takes away what a driver of that name has left', async () => {
      const before = at.machine.devices();
      await loadTemporary(at.driver('ramdisk'), `size=${DISK}`);
      await giveUp('ramdisk');
      await expect(at.machine.insmod(at.driver('ramdisk'), 'size=nothing')).rejects.toThrow();
      expect(at.machine.devices()).toEqual(before);
      expect(at.machine.check()).toEqual([]);
    });

    test.runIf(isolated)('a driver that waits for its restart keeps all until it is removed', async () => {
      const before = at.machine.accounting();
      const policy = 'backoff:60000/60000,intensity:inf/1';
      await at.machine.insmod(saying(await bench.fixture('keepsake'), 'restart', policy));
      const full = at.machine.accounting().bytesUsed;
      for (const state of ['up', 'waiting'] as const) {
        const there = nextEvent(at.machine, driverIs('keepsake', state));
        at.machine.kill('keepsake');
        await there;
      }
      expect(at.machine.accounting().bytesUsed).toBeGreaterThan(before.bytesUsed);
      expect(at.machine.accounting().bytesUsed).toBeLessThanOrEqual(full);
      await at.machine.rmmod('keepsake');
      await at.machine.settled();
      expect(at.machine.accounting()).toEqual(before);
      expect(at.machine.check()).toEqual([]);
    });

    test('numbers, bytes and a range, as the driver sees them', async () => {
      const start = at.logged;
      const before = at.machine.accounting();
      await at.machine.insmod(await bench.fixture('keepsake'));
      const lines = ['keepsake: 7 of version 2, 5 bytes hello', 'keepsake: range of 4096, sum 522240'];
      const errors = [-ENOENT, -EINVAL, -E2BIG, -ENAMETOOLONG].join(' ');
      expect(at.log(start)).toEqual([...lines, `keepsake: errors ${errors}`, `keepsake: errors ${-E2BIG}`]);
      if (isolated) {
        const back = nextEvent(at.machine, driverIs('keepsake', 'up'));
        at.machine.kill('keepsake');
        await back;
        const after = at.log(start).slice(4);
        for (const line of ['keepsake: restarted', ...lines]) expectLine(after, line);
      }
      await at.machine.rmmod('keepsake');
      expect(at.machine.accounting()).toEqual(before);
      expect(at.machine.check()).toEqual([]);
    });
  });
}
