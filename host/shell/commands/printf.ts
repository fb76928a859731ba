import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import { unescaped } from '../escapes.ts';
import { realNumber, wholeNumber, type Converted } from '../number.ts';
import { joined } from '../streams.ts';
import { quote } from '../words.ts';

export const printf: Command = {
  name: 'printf',
  summary: 'Prints its words as a format says',
  usage: 'FORMAT [WORD]...',
  details: `FORMAT: text with \\n \\t \\\\ \\" \\a \\b \\e \\f \\r \\v \\NNN (octal) \\xHH \\uHHHH, \\c which ends all, and
  %s a word   %b one with such sequences   %q one quoted for the shell   %c its first letter   %% a %
  %d %i %u %o %x %X whole numbers: 10, 010, 0x10, 'A      %e %f %g numbers
with flags (- + 0 # and blank), a width and a precision, also as *. It is used again until there are no more words.`,
  options: null,
  completes: 'path',
  async run({ words, out, complain }) {
    const [format, ...values] = words[0] === '--' ? words.slice(1) : words;
    if (format === undefined) throw new UsageError('missing operand');
    const run = new Format(parts(format), values);
    let problem: string | null = null;
    try {
      while (run.again());
    } catch (error) {
      if (!(error instanceof Complaint)) throw error;
      problem = error.message;
    }
    await out.write(joined(run.pieces));
    const problems = [...run.problems, ...(problem === null ? [] : [problem])];
    for (const each of problems) await complain(each);
    return problems.length > 0 ? 1 : 0;
  },
};

/** A piece of text, or what begins with a %. */
type Part = { text: string } | Conversion;

interface Conversion {
  written: string;
  flags: string;
  width: string;
  /** Null where there is none. */
  precision: string | null;
  letter: string;
}

const CONVERSION = /%([-+ 0#]*)(\*|\d*)(?:\.(\*|\d*))?(?:hh?|ll?|[jztL])?(.?)/suy;
const LETTERS = /^[sbqcdiuoxXeEfFgG]$/;
/** Characters that a width or a precision may ask for: nobody wants to see more. */
const MOST_WIDE = 0x10000;

function parts(format: string): Part[] {
  const found: Part[] = [];
  for (let at = 0; at < format.length;) {
    const next = format.indexOf('%', at);
    if (next !== at) found.push({ text: format.slice(at, next < 0 ? undefined : next) });
    if (next < 0) break;
    CONVERSION.lastIndex = next;
    const [written = '', flags = '', width = '', precision, letter = ''] = CONVERSION.exec(format) ?? [];
    found.push({ written, flags, width, precision: precision ?? null, letter });
    at = next + written.length;
  }
  return found;
}

class Format {
  readonly pieces: Uint8Array[] = [];
  readonly problems: string[] = [];
  private readonly parts: readonly Part[];
  private readonly values: string[];
  private readonly encoder = new TextEncoder();

  constructor(format: readonly Part[], values: readonly string[]) {
    this.parts = format;
    this.values = [...values];
  }

  /** Prints the format once. @returns whether it is to be printed again. @throws Complaint for what is no conversion */
  again(): boolean {
    const before = this.values.length;
    for (const part of this.parts) {
      if ('text' in part) {
        const { bytes, ended } = unescaped(part.text, 'format');
        this.pieces.push(bytes);
        if (ended) return false;
      } else if (part.written === '%%') this.put('%');
      else if (!this.convert(part)) return false;
    }
    return this.values.length > 0 && this.values.length < before;
  }

  private put(text: string): void {
    this.pieces.push(this.encoder.encode(text));
  }

  private told<T>({ value, problem }: Converted<T>): T {
    if (problem !== null) this.problems.push(problem);
    return value;
  }

  private size(text: string): number {
    const size = text === '*' ? Number(this.told(wholeNumber(this.values.shift() ?? ''))) : Number(text);
    if (Math.abs(size) > MOST_WIDE) throw new Complaint(`too wide: ${size}`);
    return size;
  }

  /** @returns false where all ends */
  private convert({ written, flags, width, precision, letter }: Conversion): boolean {
    if (!LETTERS.test(letter)) throw new Complaint(`${written}: invalid conversion specification`);
    const wide = this.size(width);
    const given = precision === null ? -1 : this.size(precision);
    const left = flags.includes('-') || wide < 0;
    const value = this.values.shift();
    if (letter === 'b') {
      const { bytes, ended } = unescaped(value ?? '', 'argument');
      const shown = given < 0 ? bytes : bytes.subarray(0, given);
      const blanks = new Uint8Array(Math.max(0, Math.abs(wide) - shown.length)).fill(32);
      this.pieces.push(...(left ? [shown, blanks] : [blanks, shown]));
      return !ended;
    }
    const zeros = flags.includes('0') && !left;
    const text = this.text(letter, flags, given, value ?? '');
    this.put(padded(text, Math.abs(wide), left, zeros && fills(letter, given, text)));
    return true;
  }

  private text(letter: string, flags: string, precision: number, value: string): string {
    if (letter === 'c') return [...value][0] ?? '\0';
    if (letter === 's' || letter === 'q') {
      const text = letter === 'q' ? quote(value) : value;
      return precision < 0 ? text : [...text].slice(0, precision).join('');
    }
    if (/[diuoxX]/.test(letter)) {
      const number = this.told(wholeNumber(value, letter === 'd' || letter === 'i'));
      return whole(letter, flags, precision, number);
    }
    const number = this.told(realNumber(value));
    const sign = number < 0 || Object.is(number, -0) ? '-' : plus(flags);
    const text = sign + real(letter, flags, precision < 0 ? 6 : Math.min(precision, 100), Math.abs(number));
    return /[EFG]/.test(letter) ? text.toUpperCase() : text;
  }
}

const plus = (flags: string): string => (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '');

/** Whether a 0 among the flags counts. */
const fills = (letter: string, precision: number, text: string): boolean =>
  /[eEfFgG]/.test(letter) ? /\d/.test(text) : /[diuoxX]/.test(letter) && precision < 0;

function padded(text: string, width: number, left: boolean, zeros: boolean): string {
  const missing = Math.max(0, width - [...text].length);
  if (left) return text + ' '.repeat(missing);
  if (!zeros) return ' '.repeat(missing) + text;
  const [head = ''] = /^[-+ ]?(0[xX])?/.exec(text) ?? [];
  return head + '0'.repeat(missing) + text.slice(head.length);
}

function whole(letter: string, flags: string, precision: number, value: bigint): string {
  const signed = letter === 'd' || letter === 'i';
  const number = signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  const base = letter === 'o' ? 8 : letter.toLowerCase() === 'x' ? 16 : 10;
  const size = number < 0n ? -number : number;
  let digits = precision === 0 && size === 0n ? '' : size.toString(base).padStart(precision, '0');
  const marked = flags.includes('#');
  if (marked && base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
  if (marked && base === 16 && size !== 0n) digits = `0x${digits}`;
  if (letter === 'X') digits = digits.toUpperCase();
  return (number < 0n ? '-' : signed ? plus(flags) : '') + digits;
}

/** A number that is not negative, as C's %e, %f and %g write it. */
function real(letter: string, flags: string, precision: number, value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : 'inf';
  const kind = letter.toLowerCase();
  if (kind === 'e') return exponential(value, precision);
  if (kind === 'f') return value < 1e21 ? value.toFixed(precision) : `${BigInt(value)}${tail(precision)}`;
  const digits = Math.max(precision, 1);
  const exponent = value === 0 ? 0 : Number(/e(.*)$/.exec(value.toExponential(digits - 1))?.[1]);
  const text =
    exponent < -4 || exponent >= digits
      ? exponential(value, digits - 1)
      : value.toFixed(Math.min(100, digits - 1 - exponent));
  if (flags.includes('#') || !text.includes('.')) return text;
  return text.replace(/\.?0+(?=e|$)/, '');
}

const tail = (precision: number): string => (precision > 0 ? `.${'0'.repeat(precision)}` : '');

/** With an exponent of two digits at least. */
const exponential = (value: number, precision: number): string =>
  value.toExponential(precision).replace(/([+-])(\d)$/, '$10$2');
