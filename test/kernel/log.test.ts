// Reading a log whose records are damaged: what is whole is given, what is not is counted.

import { beforeEach, expect, test } from 'vitest';
import { readLog } from '../../host/machine/inspect/lists.ts';
import {
  LOG_CHECKSUM,
  LOG_LENGTH,
  LOG_RECORD_SIZE,
  LOG_RECORDS,
  LOG_SEQUENCE,
  LOG_TEXT,
} from '../../kernel/abi/log.ts';
import { LOG_BASE } from '../../kernel/abi/map.ts';
import { TestKernel } from '../support/kernel.ts';

let kernel: TestKernel;
const COUNT = 12; // lines in all: two of the boot, ten of ours

beforeEach(async () => {
  kernel = await TestKernel.boot();
  for (let i = 3; i <= COUNT; i++) kernel.domain.log(6, `line ${i}`);
});

/** The byte of a record, counted from 1, changed. */
const damage = (sequence: number, offset: number, xor = 1): void => {
  const at = LOG_BASE + ((sequence - 1) % LOG_RECORDS) * LOG_RECORD_SIZE + offset;
  kernel.domain.bytes[at] = kernel.domain.bytes[at]! ^ xor;
};
const whole = (): number[] => readLog(kernel.memory).records.map(({ sequence }) => sequence);
const all = Array.from({ length: COUNT }, (_, i) => i + 1);

test('whole as it is', () => {
  expect(whole()).toEqual(all);
  expect(readLog(kernel.memory).lost).toBe(0);
  expect(kernel.check()).toEqual([]);
});

test.each([
  ['its text', LOG_TEXT + 2],
  ['its sequence', LOG_SEQUENCE],
  ['its time', 4],
  ['its level', 12],
  ['its length', LOG_LENGTH],
  ['its checksum', LOG_CHECKSUM],
])('a record with a bit changed in %s is lost, the others are there', (_, offset) => {
  damage(5, offset);
  const { records, lost } = readLog(kernel.memory);
  expect(records.map(({ sequence }) => sequence)).toEqual(all.filter((sequence) => sequence !== 5));
  expect(lost).toBe(1);
  expect(kernel.check()).toEqual(['log records damaged: 1']);
});

test('every single bit of a record is watched', () => {
  for (let offset = 0; offset < LOG_TEXT + 'line 7'.length; offset++) {
    if (offset === 14 || offset === 15) continue; // nothing is kept there
    for (let bit = 0; bit < 8; bit++) {
      damage(7, offset, 1 << bit);
      expect({ offset, bit, whole: whole().includes(7) }).toEqual({ offset, bit, whole: false });
      damage(7, offset, 1 << bit);
    }
  }
  expect(whole()).toEqual(all);
});

test('a wild write over the ring: nothing that is given is wrong', () => {
  const before = new Map(kernel.records().map((record) => [record.sequence, record.text]));
  let state = 1;
  for (let i = 0; i < 60; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    kernel.words[(LOG_BASE >> 2) + (state % ((COUNT * LOG_RECORD_SIZE) >> 2))] = 0xdeadbeef | 0;
  }
  const { records, lost } = readLog(kernel.memory);
  expect(records.length).toBeLessThan(COUNT);
  expect(lost).toBe((records.at(-1)?.sequence ?? 0) - records.length);
  for (const { sequence, text } of records) expect(text).toBe(before.get(sequence));
});

test('an erased ring has nothing', () => {
  kernel.domain.bytes.fill(0, LOG_BASE, LOG_BASE + LOG_RECORDS * LOG_RECORD_SIZE);
  expect(readLog(kernel.memory)).toEqual({ records: [], lost: 0 });
});

test('a record in the place of another is not believed', () => {
  const record = (slot: number): number => LOG_BASE + slot * LOG_RECORD_SIZE;
  kernel.domain.bytes.copyWithin(record(3), record(8), record(9));
  expect(whole()).toEqual(all.filter((sequence) => sequence !== 4));
});

test('a text with control letters forges no line', () => {
  kernel.domain.log(6, 'one\ntwo\u0007three');
  expect(kernel.log().at(-1)).toBe('one\\x0atwo\\x07three');
});
