// Clients: several at once, each with files and memory of its own.

import { afterEach, describe, expect, test } from 'vitest';
import { EBADF } from '../../../kernel/abi/errno.ts';
import { MAX_FDS } from '../../../kernel/abi/limits.ts';
import { MAX_CLIENTS } from '../../../kernel/abi/map.ts';
import { O_RDONLY, O_RDWR, SEEK_SET } from '../../../kernel/abi/operation.ts';
import type { Client } from '../../../host/machine/shared/types.ts';
import { bytes, pattern, text, withMachine, type Bench } from '../../support/machine.ts';

const PART = 8192;
const ROUNDS = 10;
/** An ioctl of test/fixtures/probe.ts */
const REVERSE = 13;

export function clients(bench: Bench): void {
  describe('clients', () => {
    const at = withMachine(bench, { zero: '', ramdisk: `size=${4 * PART}`, probe: '' });
    const references = (module: string): number | undefined =>
      at.machine.lsmod().find(({ name }) => name === module)?.references;
    afterEach(() => expect(at.machine.check()).toEqual([]));

    test('four clients write and read at once, and none sees another’s bytes', async () => {
      const threads = await Promise.all([at.machine.attach(), at.machine.attach(), at.machine.attach()]);
      const work = async (client: Client, index: number): Promise<void> => {
        const fd = await client.open('/dev/ramdisk', O_RDWR);
        for (let round = 0; round < ROUNDS; round++) {
          const data = pattern(PART - round, index * ROUNDS + round);
          expect(await client.lseek(fd, index * PART, SEEK_SET)).toBe(index * PART);
          expect(await client.write(fd, data)).toBe(data.length);
          expect(await client.lseek(fd, index * PART, SEEK_SET)).toBe(index * PART);
          expect(await client.read(fd, data.length)).toEqual({ result: data.length, data });
        }
        expect(await client.close(fd)).toBe(0);
      };
      await Promise.all([at.console, ...threads].map(work));
      await Promise.all(threads.map((thread) => thread.end()));
      expect(references('ramdisk')).toBe(0);
    });

    test('descriptors and buffers are their client’s own', async () => {
      const [one, two] = [await at.machine.attach(), await at.machine.attach()];
      const fd = await one.open('/dev/zero', O_RDONLY);
      expect((await two.read(fd, 1)).result).toBe(-EBADF);
      expect(await two.close(fd)).toBe(-EBADF);
      expect((await one.read(fd, 1)).result).toBe(1);
      const probe = await two.open('/dev/probe', O_RDWR);
      const buffer = bytes('abcdefgh');
      expect(await two.ioctl(probe, REVERSE, buffer)).toBe(8);
      expect(text(buffer)).toBe('hgfedcba');
      await Promise.all([one.end(), two.end()]);
    });

    test('when a client ends its files are closed, and its place is free', async () => {
      const start = at.logged;
      for (let round = 0; round < 2; round++) {
        const client = await at.machine.attach();
        for (let i = 0; i < MAX_FDS; i++) expect(await client.open('/dev/probe', O_RDWR)).toBe(i);
        expect(references('probe')).toBe(MAX_FDS);
        await client.end();
        expect(references('probe')).toBe(0);
      }
      const closed = at.log(start).filter((line) => /^probe: opening \d+ closed$/.test(line));
      expect(closed).toHaveLength(2 * MAX_FDS);
      expect(new Set(closed).size).toBe(2 * MAX_FDS);
    });

    test(`there is room for ${MAX_CLIENTS - 1} client threads`, async () => {
      const threads = await Promise.all(Array.from({ length: MAX_CLIENTS - 1 }, () => at.machine.attach()));
      await expect(at.machine.attach()).rejects.toThrow(`no more than ${MAX_CLIENTS - 1} client threads`);
      const fds = await Promise.all(threads.map((thread) => thread.open('/dev/zero', O_RDONLY)));
      expect(fds).toEqual(threads.map(() => 0));
      await Promise.all(threads.map((thread) => thread.end()));
      expect(references('zero')).toBe(0);
    });

    test('a client that reads on a schedule reports every call', async () => {
      const client = await at.machine.attach();
      await client.startReading('/dev/zero', 1);
      const fd = await at.open('/dev/ramdisk', O_RDWR);
      for (let i = 0; i < 50; i++) expect(await at.console.write(fd, pattern(64))).toBe(64);
      const report = await client.stopReading();
      expect(report.calls).toBeGreaterThan(0);
      expect(report).toMatchObject({ failed: 0, failures: [] });
      await client.end();
    });
  });
}
