// POSIX regular expressions, basic and extended with GNU's additions, as JavaScript's. What is different: of several ways to
// match, JavaScript takes the first alternative, POSIX the longest text, which only grep -o shows.

import { Complaint } from './errors.ts';

const CLASSES: Record<string, string> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t-\\r ',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};
/** What a backslash and a letter stand for in both kinds. */
const ESCAPES: Record<string, string> = {
  ...{ w: '\\w', W: '\\W', s: '\\s', S: '\\S', b: '\\b', B: '\\B' },
  '<': '\\b(?=\\w)',
  '>': '\\b(?<=\\w)',
  '`': '^',
  "'": '$',
};
const ANCHOR = /^(\^|\$|\\b|\\B)/;
/** {2}, {2,}, {,3}, {2,3} */
const INTERVAL = /^(\d*)(?:(,)(\d*))?/;
const MOST_REPEATS = 0x7fff;

const literal = (letter: string): string =>
  letter.replace(/[\\^$.*+?()[\]{}|/-]/u, (one) => `\\x${hex(one)}`);
const hex = (letter: string): string => letter.charCodeAt(0).toString(16).padStart(2, '0');

class Translator {
  private readonly letters: string[];
  private readonly extended: boolean;
  private at = 0;
  private readonly out: string[] = [];
  /** Where in `out` the last thing begins that can be repeated; -1: there is none. */
  private atom = -1;
  /** Whether it is repeated already. */
  private repeated = false;
  /** Where in `out` the open groups begin. */
  private readonly groups: number[] = [];
  private closed = 0;

  constructor(pattern: string, extended: boolean) {
    this.letters = [...pattern];
    this.extended = extended;
  }

  translate(): string {
    while (this.at < this.letters.length) this.step();
    if (this.groups.length > 0) throw new Complaint('Unmatched ( or \\(');
    return this.out.join('');
  }

  private step(): void {
    const letter = this.letters[this.at++]!;
    if (letter === '\\') return this.escape();
    if (letter === '[') return this.put(this.bracket());
    if (letter === '.') return this.put('.');
    if (letter === '*') return this.repeat('*', letter);
    if (letter === '^' && (this.extended || this.first())) return this.anchor('^');
    if (letter === '$' && (this.extended || this.last())) return this.anchor('$');
    if (this.extended && this.operator(letter)) return;
    this.put(literal(letter));
  }

  private escape(): void {
    const letter = this.letters[this.at++];
    if (letter === undefined) throw new Complaint('Trailing backslash');
    if (/[1-9]/.test(letter)) {
      if (Number(letter) > this.closed) throw new Complaint('Invalid back reference');
      return this.put(`(?:\\${letter})`);
    }
    const known = ESCAPES[letter];
    if (known !== undefined) return ANCHOR.test(known) ? this.anchor(known) : this.put(known);
    if (this.extended || !this.operator(letter)) this.put(literal(letter));
  }

  /** ( ) | + ? { of an extended expression, and the same behind a backslash of a basic one. */
  private operator(letter: string): boolean {
    if (letter === '(') {
      this.groups.push(this.out.length);
      this.anchor('(');
    } else if (letter === ')') {
      const begin = this.groups.pop();
      if (begin === undefined) {
        if (this.extended) return false;
        throw new Complaint('Unmatched ) or \\)');
      }
      this.closed++;
      this.put(')');
      this.atom = begin;
    } else if (letter === '|') this.anchor('|');
    else if (letter === '+' || letter === '?') this.repeat(letter, letter);
    else if (letter === '{') return this.interval();
    else return false;
    return true;
  }

  private interval(): boolean {
    const rest = this.letters.slice(this.at).join('');
    const [whole = '', least = '', comma, most = ''] = INTERVAL.exec(rest) ?? [];
    const end = this.extended ? '}' : '\\}';
    const closes = rest.startsWith(end, whole.length);
    if (!closes || whole === '') {
      if (this.extended) return false;
      throw new Complaint(closes ? 'Invalid content of \\{\\}' : 'Unmatched \\{');
    }
    const [from, to] = [Number(least), comma === undefined ? Number(least) : Number(most || MOST_REPEATS)];
    if (from > to || to > MOST_REPEATS) throw new Complaint('Invalid content of \\{\\}');
    this.at += whole.length + end.length;
    this.repeat(comma !== undefined && most === '' ? `{${from},}` : `{${from},${to}}`, null);
    return true;
  }

  /** @param letter what it is where there is nothing to repeat in a basic expression */
  private repeat(how: string, letter: string | null): void {
    if (this.atom < 0) {
      if (!this.extended && letter !== null) this.put(literal(letter));
      return;
    }
    if (this.repeated) this.out.push(`(?:${this.out.splice(this.atom).join('')})`);
    this.out.push(how);
    this.repeated = true;
  }

  private put(text: string): void {
    this.atom = this.out.length;
    this.repeated = false;
    this.out.push(text);
  }

  /** What cannot be repeated. */
  private anchor(text: string): void {
    this.out.push(text);
    this.atom = -1;
  }

  /** Whether the letter that was just taken is the first of an alternative. */
  private first(): boolean {
    const before = this.out.at(-1);
    return before === undefined || before === '(' || before === '|';
  }

  private last(): boolean {
    const rest = this.letters.slice(this.at, this.at + 2).join('');
    return rest === '' || rest === '\\)' || rest === '\\|';
  }

  private bracket(): string {
    const unmatched = new Complaint('Unmatched [, [^, [:, [., or [=');
    let text = '[';
    if (this.letters[this.at] === '^') {
      text += '^';
      this.at++;
    }
    const letter = (): string => {
      const kind = this.letters[this.at] === '[' ? this.letters[this.at + 1] : undefined;
      const one = this.letters[this.at];
      if (one === undefined) throw unmatched;
      this.at++;
      if (kind !== '.' && kind !== '=') return one;
      const [inside, close] = [this.letters[this.at + 1], this.letters.slice(this.at + 2, this.at + 4)];
      if (inside === undefined || close.join('') !== `${kind}]`) throw unmatched;
      this.at += 4;
      return inside;
    };
    for (let i = 0; i === 0 || this.letters[this.at] !== ']'; i++) {
      if (this.letters[this.at] === '[' && this.letters[this.at + 1] === ':') {
        text += this.named();
        continue;
      }
      const from = letter();
      const range = this.letters[this.at] === '-' && ![']', undefined].includes(this.letters[this.at + 1]);
      if (!range) text += literal(from);
      else {
        this.at++;
        const to = letter();
        if (from.codePointAt(0)! > to.codePointAt(0)!) throw new Complaint('Invalid range end');
        text += `${literal(from)}-${literal(to)}`;
      }
    }
    this.at++;
    return `${text}]`;
  }

  private named(): string {
    const end = this.letters.indexOf(':', this.at + 2);
    const name = this.letters.slice(this.at + 2, end < 0 ? undefined : end).join('');
    const letters = CLASSES[name];
    if (end < 0 || this.letters[end + 1] !== ']' || letters === undefined)
      throw new Complaint('Invalid character class name');
    this.at = end + 2;
    return letters;
  }
}

export type Dialect = 'basic' | 'extended' | 'fixed';

/** The source of a JavaScript expression with the flags `su`. @throws Complaint in grep's words */
export function translated(pattern: string, dialect: Dialect): string {
  if (dialect === 'fixed') return [...pattern].map(literal).join('');
  return new Translator(pattern, dialect === 'extended').translate();
}
