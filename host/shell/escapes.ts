// What a backslash and what follows stand for, as echo -e and printf have it. The result is bytes: \xff is one.

/** `echo`: \0NNN; `format`: \NNN, as in the format of printf; `argument`: both, as its %b; `nothing`: all stands for itself. */
export type Escapes = 'echo' | 'format' | 'argument' | 'nothing';

const LETTERS: Record<string, number> = {
  ...{ a: 7, b: 8, e: 27, E: 27, f: 12, n: 10, r: 13, t: 9, v: 11 },
  '\\': 92,
};
const OCTAL: Record<Escapes, RegExp> = {
  echo: /0([0-7]{0,3})/y,
  format: /([0-7]{1,3})/y,
  argument: /0([0-7]{0,3})|([1-7][0-7]{0,2})/y,
  nothing: /(?!)/y,
};
const HEX = /x([0-9a-fA-F]{1,2})/y;
const UNICODE = /u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})/y;
const MAX_CODE = 0x10ffff;

/** @returns the bytes, and whether \c has ended them */
export function unescaped(text: string, escapes: Escapes): { bytes: Uint8Array; ended: boolean } {
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  const put = (part: string): void => {
    for (const byte of encoder.encode(part)) bytes.push(byte);
  };
  let at = 0;
  const matched = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at + 1;
    const found = pattern.exec(text);
    if (found === null) return undefined;
    at = pattern.lastIndex;
    return found.slice(1).find((group) => group !== undefined);
  };
  while (at < text.length) {
    const next = escapes === 'nothing' ? -1 : text.indexOf('\\', at);
    const plain = next < 0 ? text.length : next;
    put(text.slice(at, plain));
    at = plain;
    if (at + 1 >= text.length) {
      put(text.slice(at));
      break;
    }
    const letter = String.fromCodePoint(text.codePointAt(at + 1)!);
    if (letter === 'c') return { bytes: Uint8Array.from(bytes), ended: true };
    const octal = matched(OCTAL[escapes]);
    const hex = octal === undefined ? matched(HEX) : undefined;
    const code = octal === undefined && hex === undefined ? matched(UNICODE) : undefined;
    if (octal !== undefined) bytes.push(parseInt(`0${octal}`, 8) & 0xff);
    else if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else if (code !== undefined) put(String.fromCodePoint(Math.min(parseInt(code, 16), MAX_CODE)));
    else {
      const byte = LETTERS[letter] ?? (escapes !== 'echo' && letter === '"' ? 34 : undefined);
      if (byte === undefined) put(`\\${letter}`);
      else bytes.push(byte);
      at += 1 + letter.length;
    }
  }
  return { bytes: Uint8Array.from(bytes), ended: false };
}
