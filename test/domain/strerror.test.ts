// Error numbers and their texts, against the platform's.

import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { strerror } from '../../host/domain/strerror.ts';
import * as errno from '../../kernel/abi/errno.ts';

test.runIf(process.platform === 'linux')('numbers are those of the platform', () => {
  for (const [name, number] of Object.entries(constants.errno))
    expect([name, (errno as Record<string, number>)[name]]).toEqual([name, number]);
});

test('every number has a text of its own', () => {
  const numbers = new Set<number>(Object.values(errno));
  numbers.delete(errno.MAX_ERRNO);
  expect([...numbers].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 133 }, (_, i) => i + 1).filter((number) => number !== 41 && number !== 58),
  );
  const texts = [...numbers].map(strerror);
  expect(new Set(texts).size).toBe(texts.length);
  expect(texts.filter((text) => text.startsWith('Unknown'))).toEqual([]);
});

test.each([
  [1, 'Operation not permitted'],
  [4, 'Interrupted system call'],
  [-22, 'Invalid argument'],
  [40, 'Too many levels of symbolic links'],
  [95, 'Operation not supported'],
  [110, 'Connection timed out'],
  [133, 'Memory page has hardware error'],
  [41, 'Unknown error 41'],
  [134, 'Unknown error 134'],
])('%d: %s', (number, text) => expect(strerror(number)).toBe(text));
