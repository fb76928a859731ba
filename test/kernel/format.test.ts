// vsnprintf through printk, in the real image: what a format and its words become in the log.

import { beforeAll, expect, test } from 'vitest';
import { LOG_TEXT_MAX } from '../../kernel/abi/log.ts';
import { USER_BASE } from '../../kernel/abi/map.ts';
import { TestKernel } from '../support/kernel.ts';

let kernel: TestKernel;
beforeAll(async () => {
  kernel = await TestKernel.boot();
});

/** Prints with words as clang passes them; a text becomes a pointer, a bigint 8 bytes aligned to 8. */
function printed(format: string, ...words: (number | bigint | string)[]): string {
  const view = new DataView(kernel.memory.buffer);
  let at = USER_BASE;
  let texts = USER_BASE + 4096;
  for (const word of words) {
    if (typeof word === 'bigint') {
      at = (at + 7) & ~7;
      view.setBigInt64(at, BigInt.asIntN(64, word), true);
      at += 8;
      continue;
    }
    if (typeof word === 'string') {
      const encoded = new TextEncoder().encode(`${word}\0`);
      kernel.domain.bytes.set(encoded, texts);
      view.setUint32(at, texts, true);
      texts += encoded.length;
    } else view.setUint32(at, word >>> 0, true);
    at += 4;
  }
  kernel.exports.vprintk_emit(6, kernel.domain.text(format), USER_BASE);
  return kernel.log().at(-1) ?? '';
}

test.each<[string, (number | bigint | string)[], string]>([
  ['plain', [], 'plain'],
  ['', [], ''],
  ['%d %i', [-1, 2147483647], '-1 2147483647'],
  ['%d', [-2147483648], '-2147483648'],
  ['%u', [-1], '4294967295'],
  ['%u|%u', [0, 10], '0|10'],
  ['%x %X', [0xdeadbeef, 0xdeadbeef], 'deadbeef DEADBEEF'],
  ['%p', [0x1234], '00001234'],
  ['%c%c', [0x41, 0x62], 'Ab'],
  ['%s and %s', ['one', 'two'], 'one and two'],
  ['%s', [0], '(null)'],
  ['%s!', [''], '!'],
  ['grüße %s', ['日本'], 'grüße 日本'],
  ['100%%', [], '100%'],
  ['%5d|%5d', [42, -42], '   42|  -42'],
  ['%05d|%05d', [42, -42], '00042|-0042'],
  ['%2d', [12345], '12345'],
  ['%08x', [0xabc], '00000abc'],
  ['%-19s|%-4d|%-4x|', ['null', 7, 255], 'null               |7   |ff  |'],
  ['%10s|%2s', ['right', 'long'], '     right|long'],
  ['%.3s|%6.2s|%-6.2s|', ['abcdef', 'abcdef', 'abcdef'], 'abc|    ab|ab    |'],
  ['%*d|%-*d|%*d', [5, 42, 5, 42, -5, 42], '   42|42   |42   '],
  ['%.*s', [2, 'abcdef'], 'ab'],
  ['%hd|%hu|%hx', [70000, -1, -1], '4464|65535|ffff'],
  ['%hhd|%hhu|%hhx', [300, -1, 0x1ff], '44|255|ff'],
  ['%hd|%hhi', [0x8000, 0x80], '-32768|-128'],
  ['%.5d|%8.3d|%-8.3d|', [42, 42, -42], '00042|     042|-042    |'],
  ['%.0d|%05.1d', [0, 7], '|    7'],
  ['%+d % d %+d', [5, 5, -5], '+5  5 -5'],
  ['%#x %#o %#x %#08x', [255, 8, 0, 255], '0xff 010 0 0x0000ff'],
  ['%o %hd %hhu %zu', [8, 1, 2, 3], '10 1 2 3'],
  ['%3c|%-3c|', [0x41, 0x42], '  A|B  |'],
  ['%08lx', [0xabc], '00000abc'],
  ['%16llx|%-6lld|', [0xabcn, -5n], '             abc|-5    |'],
  ['%ld %lu %lx', [-7, 7, 255], '-7 7 ff'],
  ['%lld', [-9223372036854775808n], '-9223372036854775808'],
  ['%llu', [18446744073709551615n], '18446744073709551615'],
  ['%llx', [0x123456789abcdef0n], '123456789abcdef0'],
  ['%d %llu %d', [1, 2n, 3], '1 2 3'],
  ['%q %d', [5], '%q 5'],
  ['50%', [], '50%'],
  ['%l', [], '%l'],
  ['line\n', [], 'line'],
])('"%s"', (format, words, text) => {
  expect(printed(format, ...words)).toBe(text);
});

test('a long text is cut, wherever it comes from', () => {
  const long = 'x'.repeat(1000);
  expect(printed(long)).toBe('x'.repeat(LOG_TEXT_MAX));
  expect(printed('%s|', long)).toBe('x'.repeat(LOG_TEXT_MAX));
  expect(printed('%s%s%s', long, long, long)).toHaveLength(LOG_TEXT_MAX);
  expect(printed('%0999d', 1)).toHaveLength(LOG_TEXT_MAX);
  expect(kernel.check()).toEqual([]);
});

test.each([
  ['\x013text', 3, 'text'],
  ['\x017text', 7, 'text'],
  ['text', 4, 'text'],
  ['\x01ctext', 4, 'text'],
])('printk takes the level off the front of %j', (format, level, text) => {
  const { printk } = kernel.exports as unknown as { printk(format: number, words: number): number };
  printk(kernel.domain.text(format), 0);
  expect(kernel.log().at(-1)).toBe(text);
  expect(kernel.records().at(-1)?.level).toBe(level);
});

test('a newline within a text begins another line, one at its end does not', () => {
  const lines = (format: string): string[] => {
    const before = kernel.log().length;
    kernel.exports.vprintk_emit(6, kernel.domain.text(format), USER_BASE);
    return kernel.log().slice(before);
  };
  expect(lines('one\ntwo\n')).toEqual(['one', 'two']);
  expect(lines('one\n\nthree')).toEqual(['one', '', 'three']);
  expect(lines('\n')).toEqual(['']);
});
