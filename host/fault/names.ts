// Names that no honest module has.

import type { Random } from './random.ts';

const encoder = new TextEncoder();

const NAMES: readonly (string | readonly number[])[] = [
  '',
  'a\0b',
  '\0',
  'a\nBUG: forged',
  'a\r\n',
  '\u001b[2Jcleared',
  '\u202egnp.ssel',
  'x'.repeat(55),
  'x'.repeat(56),
  'x'.repeat(4096),
  'x'.repeat(70000),
  '../../../etc/passwd',
  '/',
  'a b',
  '%s%n%99999d',
  '] [<80000000>] panic+0x0/0x1',
  '__proto__',
  'constructor',
  'kernel',
  'domain',
  'memory',
  '__memory_base',
  'printk',
  'init_module',
  '__wasm_call_ctors',
  [0xff, 0xfe, 0xfd],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0x61, 0xe2, 0x82],
];

/** One of them, as bytes without a length. */
export function evilName(random: Random): Uint8Array<ArrayBuffer> {
  const name = random.pick(NAMES);
  return typeof name === 'string' ? encoder.encode(name) : Uint8Array.from(name);
}

/** Fit for a description: quoted, cut, ASCII. */
export function shownName(name: Uint8Array): string {
  const text = [...name.subarray(0, 40)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
  return name.length > 40 ? `"${text}…" (${name.length} bytes)` : `"${text}"`;
}
