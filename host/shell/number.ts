// Numbers as C's strtoll reads them, for printf: decimal, octal with 0, hexadecimal with 0x, a letter's code behind a quote.

const LEAST = -(2n ** 63n);

export interface Converted<T> {
  value: T;
  /** What is wrong with the text; null: nothing. */
  problem: string | null;
}

function problemOf(text: string, used: string): string | null {
  if (used === '') return `'${text}': expected a numeric value`;
  return used.length < text.trimStart().length ? `'${text}': value not completely converted` : null;
}

function letterOf(text: string): number | null {
  const [, letter] = /^["'](.)/su.exec(text) ?? [];
  return letter === undefined ? null : letter.codePointAt(0)!;
}

/** @param signed whether it has to fit into 64 bits with a sign; a negative one without is what its bits mean */
export function wholeNumber(text: string, signed = true): Converted<bigint> {
  if (text === '') return { value: 0n, problem: null };
  const letter = letterOf(text);
  if (letter !== null) return { value: BigInt(letter), problem: null };
  const [used = '', sign = '', digits = '0'] =
    /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(text) ?? [];
  const size = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === '-' ? -size : size;
  const most = 2n ** (signed ? 63n : 64n) - 1n;
  const within = value < LEAST ? LEAST : value > most ? most : value;
  if (within !== value) return { value: within, problem: `'${text}': Numerical result out of range` };
  return { value, problem: problemOf(text, used.trimStart()) };
}

export function realNumber(text: string): Converted<number> {
  if (text === '') return { value: 0, problem: null };
  const letter = letterOf(text);
  if (letter !== null) return { value: letter, problem: null };
  const [used = ''] =
    /^\s*[+-]?(0[xX][0-9a-fA-F]+|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf(inity)?|nan)/i.exec(text) ?? [];
  const [, sign = '', rest = ''] = /^\s*([+-]?)(.*)$/.exec(used) ?? [];
  const size = /^inf/i.test(rest) ? Infinity : /^nan/i.test(rest) ? NaN : Number(rest);
  return { value: sign === '-' ? -size : size, problem: problemOf(text, used.trimStart()) };
}
