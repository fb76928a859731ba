// The kernel's log as drivers write it and others read it.

import { describe, expect, test } from 'vitest';
import { LEVEL_ERR, LEVEL_WARNING, LOG_RECORDS, LOG_TEXT_MAX } from '../../../kernel/abi/log.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { bytes, withMachine, type Bench } from '../../support/machine.ts';
import { DIFFERENCES } from './differences.ts';

/** ioctls of test/fixtures/probe.ts */
const [PRINT_FORMATS, PRINT_LONG, PRINT_MANY] = [2, 11, 12];

export function log(bench: Bench): void {
  describe('log', () => {
    const at = withMachine(bench, { probe: '' });
    const { logBurst } = DIFFERENCES[bench.placement];

    test('the kernel says that it boots and runs', () => {
      expect(at.log(0).slice(0, 2)).toEqual(['isolab kernel, boot 1, 32768 KiB', 'kernel is running']);
    });

    test('a driver’s printk: formats and levels', async () => {
      const start = at.logged;
      const fd = await at.open('/dev/probe', O_RDWR);
      expect(await at.console.ioctl(fd, PRINT_FORMATS, 0)).toBe(0);
      const records = at.machine.dmesg().records.slice(start);
      expect(records.map(({ level, text }) => ({ level, text }))).toEqual([
        { level: LEVEL_ERR, text: 'probe: -42 4000000000 beef text z 100%' },
        { level: LEVEL_ERR, text: 'probe: [   42] [-0042] [BEEF]' },
        { level: LEVEL_WARNING, text: 'probe: 00001234 %q %' },
        { level: LEVEL_WARNING, text: 'probe: plain' },
      ]);
    });

    test('a long line is cut to a record', async () => {
      const start = at.logged;
      const fd = await at.open('/dev/probe', O_RDWR);
      await at.console.ioctl(fd, PRINT_LONG, 0);
      const letters = 'abcdefghij'.repeat(30);
      expect(at.log(start)).toEqual([`probe: ${letters}`.slice(0, LOG_TEXT_MAX)]);
    });

    test('records are in order, and so is their time', async () => {
      const fd = await at.open('/dev/probe', O_RDWR);
      await at.console.ioctl(fd, PRINT_MANY, 20);
      const { records, lost } = at.machine.dmesg();
      expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, i) => i + 1));
      expect(records.map(({ time }) => time)).toEqual(records.map(({ time }) => time).sort((a, b) => a - b));
      expect(lost).toBe(0);
    });

    test('a driver’s lines: as many at once as the placement allows', async () => {
      const fd = await at.open('/dev/probe', O_RDWR);
      const many = 300;
      const before = at.machine.dmesg().records.at(-1)?.sequence ?? 0;
      await at.console.ioctl(fd, PRINT_MANY, many);
      const lines = at.machine
        .dmesg()
        .records.filter(({ sequence, text }) => sequence > before && text.startsWith('probe: line'));
      if (many <= logBurst) expect(lines).toHaveLength(many);
      else expect(lines.length).toBeLessThan(many / 2);
      const told = 'probe: logs too much, messages are suppressed';
      expect(at.log(0).includes(told)).toBe(many > logBurst);
    });

    test('when the ring has gone round, the newest are there and the others are counted', async () => {
      const fd = await at.open('/dev/kmsg', O_RDWR);
      const many = LOG_RECORDS + 30;
      const before = at.machine.dmesg().records.at(-1)?.sequence ?? 0;
      for (let i = 1; i <= many; i++) await at.console.write(fd, bytes(`line ${i}`));
      const { records, lost } = at.machine.dmesg();
      expect(records).toHaveLength(LOG_RECORDS);
      expect(lost).toBe(before + 30);
      expect(records.at(-1)?.text).toBe(`line ${many}`);
      expect(records[0]?.text).toBe('line 31');
      expect(at.machine.check()).toEqual([]);
    });
  });
}
