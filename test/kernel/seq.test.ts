// seq_file in the real image: whatever the size of the reads, and wherever they begin, the text is the same; a record that
// is larger than the buffer is whole; nothing is left behind.

import { beforeAll, beforeEach, expect, test } from 'vitest';
import { insmod } from '../../host/domain/loader.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import { EFAULT, EINVAL } from '../../kernel/abi/errno.ts';
import { USER_SIZE } from '../../kernel/abi/map.ts';
import { O_RDONLY, SEEK_CUR, SEEK_END, SEEK_SET, SYS_CLOSE, SYS_LSEEK } from '../../kernel/abi/operation.ts';
import { loadFixture } from '../support/fixtures.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';
import { rounds } from '../long.ts';

/** What test/fixtures/procfile.ts shows: each thirteenth record is skipped, each hundredth is longer than a page. */
const text = (lines: number): string =>
  Array.from({ length: lines }, (_, i) => i + 1)
    .filter((line) => line % 13 !== 0)
    .map((line) => `line ${line}${line % 100 === 0 ? 'x'.repeat(5000) : ''}\n`)
    .join('');

let image: LoadedModule;
let driver: LoadedModule;
let kernel: TestKernel;
let fd: number;
const LINES = 450;
const WHOLE = text(LINES);

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
  driver = await loadFixture('procfile');
});
beforeEach(() => {
  kernel = new TestKernel(image);
  insmod(kernel.domain, driver, { parameters: `lines=${LINES}`, flags: 0 });
  fd = kernel.open('/proc/procdir/lines', O_RDONLY);
  expect(fd).toBe(0);
});

const read = (count: number): string => {
  const { result, data } = kernel.read(fd, count);
  expect(result).toBeGreaterThanOrEqual(0);
  expect(result).toBeLessThanOrEqual(count);
  return new TextDecoder().decode(data);
};
const rest = (count: number): string => {
  let all = '';
  for (let piece = read(count); piece !== ''; piece = read(count)) all += piece;
  return all;
};
const seek = (offset: number, whence = SEEK_SET): number => kernel.call(SYS_LSEEK, fd, offset, whence);

test.each([1, 2, 3, 8, 100, 4095, 4096, 4097, 5008, 65536])('read %d bytes at a time', (count) => {
  expect(rest(count)).toBe(WHOLE);
  expect(read(count)).toBe('');
});

test('a read of nothing is nothing, and moves nothing', () => {
  expect(read(0)).toBe('');
  expect(read(6)).toBe('line 1');
  expect(read(0)).toBe('');
  expect(rest(500)).toBe(WHOLE.slice(6));
});

test('from any place, in any order, in pieces of any size', () => {
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let position = 0;
  for (let round = 0; round < rounds(2000, 100_000); round++) {
    if (random(3) === 0) {
      position = random(WHOLE.length + 10);
      expect(seek(position)).toBe(position);
    }
    const piece = read(random(4) ? random(40) : random(12_000));
    expect(piece).toBe(WHOLE.slice(position, position + piece.length));
    position += piece.length;
  }
  expect(kernel.check()).toEqual([]);
});

test('lseek from here, from the end, before the beginning', () => {
  expect(seek(100)).toBe(100);
  expect(seek(-60, SEEK_CUR)).toBe(40);
  expect(read(20)).toBe(WHOLE.slice(40, 60));
  expect(seek(0, SEEK_END)).toBe(-EINVAL);
  expect(seek(-1)).toBe(-EINVAL);
  expect(read(20)).toBe(WHOLE.slice(60, 80));
  expect(seek(WHOLE.length + 1000)).toBe(WHOLE.length + 1000);
  expect(read(20)).toBe('');
  expect(seek(0)).toBe(0);
  expect(rest(1000)).toBe(WHOLE);
});

test('a bad buffer is EFAULT and loses nothing', () => {
  expect(read(10)).toBe(WHOLE.slice(0, 10));
  expect(kernel.read(fd, USER_SIZE + 1).result).toBe(-EFAULT);
  expect(rest(100)).toBe(WHOLE.slice(10));
});

test('open, read in part and close leave nothing behind', () => {
  kernel.call(SYS_CLOSE, fd);
  const before = readAccounting(kernel.memory);
  for (const count of [0, 1, 5000, 200_000]) {
    fd = kernel.open('/proc/procdir/lines', O_RDONLY);
    read(count);
    seek(3000);
    read(10);
    expect(kernel.call(SYS_CLOSE, fd)).toBe(0);
  }
  fd = kernel.open('/proc/procfile', O_RDONLY);
  expect(read(100)).toMatch(/^counter 1 data beef written \n$/);
  expect(kernel.call(SYS_CLOSE, fd)).toBe(0);
  expect(readAccounting(kernel.memory).bytesUsed).toBe(before.bytesUsed);
  expect(kernel.check()).toEqual([]);
});
