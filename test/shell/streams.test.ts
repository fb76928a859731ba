// Pipes, options and the rows of two machines: what needs no machine.

import { describe, expect, test } from 'vitest';
import { rowsOf, shown, type Line } from '../../host/shell/both.ts';
import { UsageError } from '../../host/shell/errors.ts';
import { explainOptions, readOptions } from '../../host/shell/options.ts';
import { BrokenPipe, inputOf, linesOf, Pipe, readAll } from '../../host/shell/streams.ts';
import { bytes, text } from '../support/machine.ts';

describe('a pipe', () => {
  test('gives what was written, then its end', async () => {
    const pipe = new Pipe();
    await pipe.write(bytes('ab'));
    await pipe.write(bytes('c'));
    pipe.end();
    expect(text(await readAll(pipe))).toBe('abc');
    expect(await pipe.read()).toBeNull();
  });

  test('a writer waits while it is full, and goes on when somebody reads', async () => {
    const pipe = new Pipe();
    let written = false;
    const writing = pipe.write(new Uint8Array(0x20000)).then(() => (written = true));
    await Promise.resolve();
    expect(written).toBe(false);
    expect((await pipe.read())?.length).toBe(0x20000);
    await writing;
    expect(written).toBe(true);
  });

  test('a writer hears that nobody reads any longer, also while it waits', async () => {
    const pipe = new Pipe();
    const writing = pipe.write(new Uint8Array(0x20000));
    pipe.abandon();
    await expect(writing).rejects.toThrow(BrokenPipe);
    await expect(pipe.write(bytes('a'))).rejects.toThrow(BrokenPipe);
  });

  test('lines are whole, however the pieces are cut', async () => {
    const all: string[] = [];
    const cut = bytes('é one\ntwo\n\nlast');
    for await (const line of linesOf(inputOf(...Array.from(cut, (byte) => Uint8Array.of(byte)))))
      all.push(line);
    expect(all).toEqual(['é one', 'two', '', 'last']);
  });
});

describe('options', () => {
  const table = { 'l,level=LIST': 'levels', v: 'verbose', 'show-depends': 'dependencies' };
  const read = (...words: string[]) => readOptions(table, words);

  test('short ones together, values beside them or after them, -- ends them', () => {
    const { options, operands } = read('a', '-vl', 'err', 'b', '--show-depends', '--', '-v');
    expect(operands).toEqual(['a', 'b', '-v']);
    expect([options.has('v'), options.get('level'), options.get('l'), options.has('show-depends')]).toEqual([
      true,
      'err',
      'err',
      true,
    ]);
    expect(read('-lerr').options.get('level')).toBe('err');
    expect(read('--level=a=b').options.get('level')).toBe('a=b');
    expect(read('-').operands).toEqual(['-']);
  });

  test.each([
    [['-x'], "invalid option -- 'x'"],
    [['-vx'], "invalid option -- 'x'"],
    [['--frob'], "unrecognized option '--frob'"],
    [['-l'], "option requires an argument -- 'l'"],
    [['--level'], "option '--level' requires an argument"],
    [['--show-depends=1'], "option '--show-depends' doesn't allow an argument"],
  ])('%j is not understood', (words, message) => {
    expect(() => read(...words)).toThrow(new UsageError(message));
  });

  test('are explained', () => {
    expect(explainOptions(table)).toBe(
      [
        '  -l, --level=LIST    levels',
        '  -v                  verbose',
        '      --show-depends  dependencies',
        '      --help          explain the command',
        '',
      ].join('\n'),
    );
  });
});

describe('two machines side by side', () => {
  const lines = (...texts: string[]): Line[] => texts.map((each) => ({ text: each, error: false }));
  const marks = (left: Line[], right: Line[]): string =>
    rowsOf(left, right)
      .map(({ left: a, right: b, mark }) => `${a?.text ?? ''}${mark}${b?.text ?? ''}`)
      .join(' ');

  test.each([
    [lines('a', 'b'), lines('a', 'b'), 'a=a b=b'],
    [lines('a', 'b', 'c'), lines('a', 'x', 'c'), 'a=a b|x c=c'],
    [lines('a', 'c'), lines('a', 'b', 'c'), 'a=a >b c=c'],
    [lines('a', 'b', 'c'), lines('c'), 'a< b< c=c'],
    [lines(), lines('a'), '>a'],
    [lines(), lines(), ''],
  ])('rows %#', (left, right, expected) => expect(marks(left, right)).toBe(expected));

  test('an error is not the same as a result of the same text', () => {
    expect(marks(lines('a'), [{ text: 'a', error: true }])).toBe('a|a');
  });

  test('control characters do nothing to the terminal', () => {
    expect(shown('a\u001b[31mb\u0007')).toBe('a\\x1b[31mb\\x07');
  });
});
