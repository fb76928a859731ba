// vsnprintf through printk, in the real image: what a format and its words become in the log.

import { beforeAll, expect, test } from 'vitest';
import { LOG_TEXT_MAX } from '../../kernel/abi/log.ts';
import { USER_BASE } from '../../kernel/abi/map.ts';
import { Random } from '../../host/fault/random.ts';
import { TestKernel } from '../support/kernel.ts';

let kernel: TestKernel;
beforeAll(async () => {
  kernel = await TestKernel.boot();
});

/** Words as clang passes them; a text becomes a pointer, a bigint 8 bytes aligned to 8. @returns where they lie */
function arguments_(words: readonly (number | bigint | string)[]): number {
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
  return USER_BASE;
}

function printed(format: string, ...words: (number | bigint | string)[]): string {
  kernel.exports.vprintk_emit(6, kernel.domain.text(format), arguments_(words));
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
  ['%s %s %.3s', [1, 0xfffffff0, 4095], '(efault) (efault) (ef'],
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

test.each<[string, (number | string)[], string]>([
  ['%99999999d', [2], ' '.repeat(LOG_TEXT_MAX)],
  ['%-2147483648d', [6], '6'.padEnd(LOG_TEXT_MAX)],
  ['%*d', [2147483647, 5], ' '.repeat(LOG_TEXT_MAX)],
  ['%*d', [-2147483648, 5], '5'.padEnd(LOG_TEXT_MAX)],
  ['%.99999999s|', ['abc'], 'abc|'],
  ['%.*s|%.*s|', [2147483647, 'abc', -2147483648, 'abc'], 'abc|abc|'],
  ['%.99999999d', [7], '0'.repeat(LOG_TEXT_MAX)],
  ['%2147483647d%2147483647d%99999999d', [1, 2, 3], ' '.repeat(LOG_TEXT_MAX)], // more than 32 bits can count
])('"%s" is cut to the line', (format, words, text) => {
  printed(format, ...words);
  expect(kernel.log().slice(-3)).toContain(text); // a limit is told behind it
  expect(kernel.check()).toEqual([]);
});

test('a width and a precision that are too large are told, each once', () => {
  const lines = kernel.log().filter((line) => line.includes('too large'));
  expect(lines).toEqual([
    'vsnprintf: field width 99999999 too large',
    'vsnprintf: precision 99999999 too large',
  ]);
});

/** Where texts are made, with as many bytes before and behind that must not change. */
const [BUFFER, AROUND] = [USER_BASE + 0x10000, 256];
const WITHIN = 64;

/** vsnprintf into a buffer of so many bytes. @returns its text, what it says, and whether a byte outside has changed */
function made(size: number, format: string, words: (number | bigint | string)[]): [string, number, boolean] {
  const { vsnprintf } = kernel.exports as unknown as {
    vsnprintf(to: number, size: number, format: number, words: number): number;
  };
  const { bytes } = kernel.domain;
  const [from, to] = [BUFFER - AROUND, BUFFER + WITHIN + AROUND];
  bytes.fill(0xa5, from, to);
  const length = vsnprintf(BUFFER, size, kernel.domain.text(format), arguments_(words));
  const outside = [...bytes.slice(from, BUFFER), ...bytes.slice(BUFFER + Math.max(size, 0), to)];
  const text = size > 0 ? kernel.domain.textAt(BUFFER, size) : '';
  return [text, length, outside.some((byte) => byte !== 0xa5)];
}

test('what has no room is counted without being written, up to INT_MAX', () => {
  expect(made(8, '%99999999d|%s', [1, 'two'])).toEqual(['       ', 8388607 + 4, false]);
  // Letter by letter this would take seconds.
  expect(made(8, '%*d'.repeat(300), Array<number>(600).fill(0x7fffffff))).toEqual([
    '       ',
    0x7fffffff,
    false,
  ]);
  expect(made(0, 'text', [])).toEqual(['', 4, false]);
  expect(made(-1, 'text', [])).toEqual(['', 0, false]); // as Linux: no buffer is that large
});

/** What a format shall give: the first bytes, and how long all of it is. */
class Expected {
  text = '';
  length = 0;

  put(piece: string): void {
    this.text = (this.text + piece).slice(0, WITHIN);
    this.length += piece.length;
  }

  fill(letter: string, count: number): void {
    if (count <= 0) return;
    this.text = (this.text + letter.repeat(Math.min(count, WITHIN))).slice(0, WITHIN);
    this.length += count;
  }
}

/** A conversion by chance: its format, its words, and what it gives. */
function conversion(random: Random, expected: Expected): [string, (number | bigint | string)[]] {
  const LIMITS = [0, 1, 2, 7, 20, 70, 32767, 32768, 8388607, 8388608, 99999999, 2147483647];
  const flags = ['-', '0', '+', ' ', '#'].filter(() => random.once(4)).join('');
  const words: (number | bigint | string)[] = [];
  const number = (most: number): [string, number | null] => {
    if (random.once(2)) return ['', null];
    const value = random.pick(LIMITS);
    if (random.once(2)) return [String(value), Math.min(value, most)];
    const signed = random.once(4) ? -value : value;
    words.push(signed);
    return ['*', Math.max(Math.min(signed, most), -most)];
  };
  const [widthText, given] = number(8388607);
  const [precisionText, wanted] = number(32767);
  const left = flags.includes('-') || (given ?? 0) < 0;
  const width = Math.abs(given ?? 0);
  const precise = wanted === null || wanted < 0 ? null : wanted;
  const head = `%${flags}${widthText}${wanted === null ? '' : `.${precisionText}`}`;
  const padded = (length: number, put: () => void): void => {
    if (!left) expected.fill(' ', width - length);
    put();
    if (left) expected.fill(' ', width - length);
  };
  const letter = random.pick([...'diuxXosc']);
  if (letter === 's') {
    const text = random.pick(['', 'a', 'some text', 'x'.repeat(100)]);
    words.push(text);
    const shown = text.slice(0, precise ?? text.length);
    padded(shown.length, () => expected.put(shown));
    return [`${head}s`, words];
  }
  if (letter === 'c') {
    words.push(0x41);
    padded(1, () => expected.put('A'));
    return [`${head}c`, words];
  }
  const long = random.once(2);
  const value = random.pick([0n, 1n, -1n, 255n, -2147483648n, long ? -(2n ** 63n) : 12345n]);
  words.push(long ? value : Number(value));
  const signed = 'di'.includes(letter);
  const shown = signed ? value : BigInt.asUintN(long ? 64 : 32, value);
  const base = letter === 'o' ? 8 : 'xX'.includes(letter) ? 16 : 10;
  let digits = (shown < 0n ? -shown : shown).toString(base);
  if (letter === 'X') digits = digits.toUpperCase();
  if (shown === 0n && precise === 0) digits = '';
  const sign = shown < 0n ? '-' : !signed ? '' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const prefix = !flags.includes('#') || shown === 0n || base === 10 ? '' : base === 8 ? '0' : `0${letter}`;
  const zeros = Math.max((precise ?? 0) - digits.length, 0);
  const length = sign.length + prefix.length + zeros + digits.length;
  const zeroed = flags.includes('0') && !left && precise === null;
  const body = (before: number): void => {
    expected.put(sign + prefix);
    expected.fill('0', before);
    expected.put(digits);
  };
  if (zeroed) body(Math.max(width - length, 0));
  else padded(length, () => body(zeros));
  return [`${head}${long ? 'll' : ''}${letter}`, words];
}

test('formats by chance write what Linux writes, and nothing outside their buffer', () => {
  const random = new Random(7);
  for (let round = 0; round < 4000; round++) {
    const expected = new Expected();
    const words: (number | bigint | string)[] = [];
    let format = '';
    for (let left = 1 + random.below(5); left > 0; left--) {
      const literal = random.pick(['', ' ', '|text|', '%%']);
      expected.put(literal === '%%' ? '%' : literal);
      const [piece, own] = conversion(random, expected);
      format += literal + piece;
      words.push(...own);
    }
    const size = random.below(WITHIN + 1);
    const wanted = [expected.text.slice(0, Math.max(size - 1, 0)), expected.length, false];
    expect([format, words, size, ...made(size, format, words)]).toEqual([format, words, size, ...wanted]);
  }
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
