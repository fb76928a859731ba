// What a line printed on both machines, as text: in columns and in turn.

import { expect, test } from 'vitest';
import { heads, layOut } from '../../host/cli/shell/side-by-side.ts';
import type { Pair, CommandOutput } from '../../host/shell/both.ts';

const ran = (status: number, ...texts: string[]): CommandOutput => ({
  ...{ status, lines: texts.map((text) => ({ text: text.replace(/^!/, ''), error: text.startsWith('!') })) },
});
const pair = (monolithic: CommandOutput, microkernel: CommandOutput): Pair<CommandOutput> => ({
  monolithic,
  microkernel,
});
const WIDE = { columns: 104, colours: false };
const NARROW = { columns: 0, colours: false };
const column = (text: string): string => text.padEnd(50);

test('alike lines are shown once where there is no room for columns', () => {
  expect(layOut(pair(ran(0, 'a', 'b'), ran(0, 'a', 'b')), NARROW)).toBe('both:\n  a\n  b\n');
  expect(layOut(pair(ran(0), ran(0)), NARROW)).toBe('');
});

test('what differs is marked in turn', () => {
  expect(layOut(pair(ran(0, 'a', 'b'), ran(1, 'a', '!c')), NARROW)).toBe(
    'monolithic:\n  a\n| b\n| exit status 0\nmicrokernel:\n  a\n| c\n| exit status 1\n',
  );
  expect(layOut(pair(ran(0, 'a'), ran(0)), NARROW)).toBe('monolithic:\n| a\nmicrokernel:\n  (nothing)\n');
});

test('in columns where there is room', () => {
  expect(heads(WIDE)).toBe(`${column('monolithic')}   microkernel\n`);
  expect(heads(NARROW)).toBe('');
  expect(layOut(pair(ran(0, 'a', 'b', 'x'), ran(0, 'a', 'c', 'd', 'x')), WIDE)).toBe(
    [`${column('a')} = a`, `${column('b')} | c`, `${column('')} > d`, `${column('x')} = x`, ''].join('\n'),
  );
});

test('a long line takes as many rows as it needs', () => {
  const long = 'x'.repeat(60);
  expect(layOut(pair(ran(0, long), ran(0, 'y')), WIDE)).toBe(
    [`${'x'.repeat(50)} | y`, `${column('x'.repeat(10))} |`, ''].join('\n'),
  );
});

test('errors and marks are coloured', () => {
  const text = layOut(pair(ran(0, '!a'), ran(0, '!a')), { ...NARROW, colours: true });
  expect(text).toContain('\u001b[31ma\u001b[0m');
});
