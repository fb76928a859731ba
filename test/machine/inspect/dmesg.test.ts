import { expect, test } from 'vitest';
import { dmesgLines, formatRecord, levelNamed, LEVEL_NAMES } from '../../../host/machine/inspect/dmesg.ts';
import type { LogRecord, LogView } from '../../../host/machine/shared/types.ts';

const record = (sequence: number, time: number, level: number, text: string): LogRecord => ({
  ...{ sequence, time, level, text },
});
const log: LogView = {
  records: [
    record(1, 0, 6, 'isolab kernel, boot 1, 32768 KiB'),
    record(2, 1.2345678, 3, 'lkdtm: no'),
    record(3, 123456.5, 1, 'BUG: unreachable'),
  ],
  lost: 0,
};

test('a record has its time in front, as wide as the kernel makes it', () => {
  expect(dmesgLines(log)).toEqual([
    '[    0.000000] isolab kernel, boot 1, 32768 KiB',
    '[    1.234568] lkdtm: no',
    '[123456.500000] BUG: unreachable',
  ]);
});

test('levels are chosen and named', () => {
  expect(dmesgLines(log, { levels: new Set([3, 1]), decode: true })).toEqual([
    'err   : [    1.234568] lkdtm: no',
    'alert : [123456.500000] BUG: unreachable',
  ]);
  expect(formatRecord(log.records[1]!, { plain: true })).toBe('lkdtm: no');
});

test('a level has a name and a digit, and nothing else is one', () => {
  LEVEL_NAMES.forEach((name, level) => {
    expect(levelNamed(name)).toBe(level);
    expect(levelNamed(String(level))).toBe(level);
  });
  for (const text of ['', '8', '-1', 'ERR', 'warning', '1 ', '03']) expect(levelNamed(text)).toBeNull();
});
