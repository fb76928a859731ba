// Which characters may stand in a name: the kernel and the host's cleanText have the same ones.

import { beforeAll, expect, test } from 'vitest';
import { cleanText } from '../../host/linker/wasm/bytes.ts';
import { EINVAL } from '../../kernel/abi/errno.ts';
import { S_IFCHR } from '../../kernel/abi/file.ts';
import { USER_BASE } from '../../kernel/abi/map.ts';
import { SYS_MKNOD, SYS_UNLINK } from '../../kernel/abi/operation.ts';
import { TestKernel } from '../support/kernel.ts';

let kernel: TestKernel;
beforeAll(async () => {
  kernel = await TestKernel.boot();
});

/** Makes a name in /dev, and takes it away again where it was taken. @returns what mknod says */
function made(name: Uint8Array): number {
  const { bytes } = kernel.domain;
  bytes.set(new TextEncoder().encode('/dev/x'), USER_BASE);
  bytes.set(name, USER_BASE + 6);
  bytes[USER_BASE + 6 + name.length] = 0;
  const status = kernel.call(SYS_MKNOD, USER_BASE, S_IFCHR | 0o666, 0);
  if (status === 0) expect(kernel.call(SYS_UNLINK, USER_BASE)).toBe(0);
  return status;
}

/** Wherever a character is one that is not shown, or UTF-8 takes a byte more. */
const RANGES: readonly (readonly [from: number, to: number])[] = [
  ...([
    [1, 0xc0],
    [0x610, 0x620],
    [0x7f8, 0x808],
    [0x2000, 0x2080],
    [0xd7f8, 0xd800],
    [0xe000, 0xe008],
  ] as const),
  ...([
    [0xfef8, 0xff08],
    [0xfff0, 0x10008],
    [0xdfff8, 0xe0008],
    [0xe0078, 0xe0088],
    [0x10fff8, 0x110000],
  ] as const),
];

test('kernel and host refuse and clean the same characters', () => {
  const differing: string[] = [];
  for (const [from, to] of RANGES) {
    for (let code = from; code < to; code++) {
      if (code === 0x2f) continue; // it ends a name
      const character = String.fromCodePoint(code);
      const wanted = cleanText(character) === character ? 0 : -EINVAL;
      if (made(new TextEncoder().encode(character)) !== wanted) differing.push(code.toString(16));
    }
  }
  expect(differing).toEqual([]);
});

test.each([
  ['a byte that begins nothing', [0x80]],
  ['a character that is cut', [0xe2, 0x80]],
  ['one that goes on with something else', [0xe2, 0x41, 0x80]],
  ['a longer form than need be', [0xc1, 0xa1]],
  ['a longer form of three', [0xe0, 0x80, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['one behind the last', [0xf4, 0x90, 0x80, 0x80]],
  ['a byte that is in no text', [0xff]],
])('no UTF-8: %s', (_, bytes) => {
  expect(made(Uint8Array.from(bytes))).toBe(-EINVAL);
});
