// Bytes and strings as C compilers and drivers call them: against what libc says of the same.

import { beforeAll, expect, test } from 'vitest';
import { E2BIG } from '../../kernel/abi/errno.ts';
import { POOL_BASE } from '../../kernel/abi/map.ts';
import { TestKernel } from '../support/kernel.ts';

type Functions = Record<
  'memcpy' | 'memmove' | 'memset' | 'memcmp' | 'strlen' | 'strcmp' | 'strncmp' | 'strscpy',
  (...words: number[]) => number
>;

let kernel: TestKernel;
let libc: Functions;
// Far behind what the kernel has taken of its pool.
const [A, B] = [POOL_BASE + 0x800000, POOL_BASE + 0x801000];

beforeAll(async () => {
  kernel = await TestKernel.boot();
  libc = kernel.exports as unknown as Functions;
});

const put = (at: number, text: string): void =>
  kernel.domain.bytes.set(new TextEncoder().encode(`${text}\0`), at);
const get = (at: number, length: number): string =>
  new TextDecoder().decode(kernel.domain.bytes.slice(at, at + length));

test.each([
  ['', '', 0],
  ['a', '', 1],
  ['', 'a', -1],
  ['same', 'same', 0],
  ['same', 'some', -1],
  ['longer', 'long', 1],
  ['\u00ff', 'z', 1], // bytes are unsigned
])('strcmp("%s", "%s")', (a, b, sign) => {
  put(A, a);
  put(B, b);
  expect(Math.sign(libc.strcmp(A, B))).toBe(sign);
  expect(Math.sign(libc.strncmp(A, B, 100))).toBe(sign);
  expect(libc.strncmp(A, B, 0)).toBe(0);
  expect(Math.sign(libc.memcmp(A, B, Math.max(a.length, b.length) + 1))).toBe(sign);
  expect(libc.strlen(A)).toBe(new TextEncoder().encode(a).length);
});

test('strncmp looks no further than it is told, and not behind the end', () => {
  put(A, 'abcX');
  put(B, 'abcY');
  expect(libc.strncmp(A, B, 3)).toBe(0);
  expect(libc.strncmp(A, B, 4)).toBeLessThan(0);
  put(A, 'ab\0X');
  put(B, 'ab\0Y');
  expect(libc.strncmp(A, B, 4)).toBe(0);
  expect(libc.memcmp(A, B, 4)).toBeLessThan(0);
});

test.each([
  [5, 'text', 4, 'text\0...'],
  [8, 'text', 4, 'text\0...'],
  [4, 'text', -E2BIG, 'tex\0....'],
  [1, 'text', -E2BIG, '\0.......'],
  [1, '', 0, '\0.......'],
  [0, 'text', -E2BIG, '........'],
])('strscpy into %i bytes of "%s"', (size, text, result, left) => {
  put(B, text);
  put(A, '........');
  expect(libc.strscpy(A, B, size)).toBe(result);
  expect(get(A, 8)).toBe(left);
});

test('memcpy, memmove and memset return where they wrote', () => {
  put(B, 'abcdefgh');
  expect(libc.memcpy(A, B, 9)).toBe(A);
  expect(get(A, 8)).toBe('abcdefgh');
  expect(libc.memmove(A + 2, A, 6)).toBe(A + 2);
  expect(get(A, 8)).toBe('ababcdef');
  expect(libc.memset(A, 0x12e, 3)).toBe(A); // the byte alone counts
  expect(get(A, 8)).toBe('...bcdef');
});
