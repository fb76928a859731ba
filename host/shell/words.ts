// A line's text as words and operators, as sh reads them: '…' keeps everything, "…" everything but \ and $?, \ keeps the
// next character, # begins a comment. What sh has and this has not (variables, $(…), background jobs) is refused by name:
// a script must not quietly mean something else here.

/** A piece of a word. Unquoted text may hold the characters of a pattern. */
export type Part = { kind: 'text'; text: string; quoted: boolean } | { kind: 'status' };

export interface WordToken {
  type: 'word';
  parts: Part[];
  /** Where it begins and ends in the text. */
  from: number;
  to: number;
  /** Whether a quote is still open at the end of the text. */
  open: boolean;
}

export interface OperatorToken {
  type: 'operator';
  text: ';' | '\n' | '&&' | '||' | '|';
  from: number;
  to: number;
}

export interface RedirectToken {
  type: 'redirect';
  text: '<' | '>' | '>>' | '>&';
  /** 0, 1 or 2; written before the operator, or what the operator has by itself. */
  fd: number;
  from: number;
  to: number;
}

export type Token = WordToken | OperatorToken | RedirectToken;

export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';
  /** Whether more text could mend it: an open quote, a line that ends in an operator. */
  readonly unfinished: boolean;

  constructor(message: string, unfinished = false) {
    super(message);
    this.unfinished = unfinished;
  }
}

const BLANK = /[ \t\r]/;
const ENDS_WORD = /[ \t\r\n;&|<>()]/;

class Lexer {
  private readonly text: string;
  /** Whether an open quote at the end is taken as it is, as completion wants it. */
  private readonly lenient: boolean;
  private at = 0;

  constructor(text: string, lenient: boolean) {
    this.text = text;
    this.lenient = lenient;
  }

  all(): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      this.skip();
      if (this.at >= this.text.length) return tokens;
      tokens.push(this.operator() ?? this.redirect() ?? this.word());
    }
  }

  /** Over blanks, comments and line ends that were escaped. */
  private skip(): void {
    for (;;) {
      const c = this.text[this.at];
      if (c === undefined) return;
      if (BLANK.test(c)) this.at++;
      else if (c === '\\' && this.text[this.at + 1] === '\n') this.at += 2;
      else if (c === '#') while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++;
      else return;
    }
  }

  private starts(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  private operator(): OperatorToken | null {
    const from = this.at;
    for (const text of ['&&', '||', ';', '\n', '|'] as const) {
      if (!this.starts(text)) continue;
      this.at += text.length;
      return { type: 'operator', text, from, to: this.at };
    }
    if (this.starts('&')) throw new SyntaxProblem('there are no background jobs here: &');
    if (this.starts('(') || this.starts(')'))
      throw new SyntaxProblem(`there are no subshells here: ${this.text[this.at]}`);
    return null;
  }

  private redirect(): RedirectToken | null {
    const found = /^(\d*)(<<|<|>>|>&|>)/.exec(this.text.slice(this.at));
    if (!found) return null;
    const [whole, digits = '', text] = found;
    if (text === '<<') throw new SyntaxProblem('there are no here-documents here: <<');
    const fd = digits === '' ? (text === '<' ? 0 : 1) : Number(digits);
    if (fd > 2) throw new SyntaxProblem(`file descriptors are 0, 1 and 2, not ${fd}`);
    const from = this.at;
    this.at += whole.length;
    return { type: 'redirect', text: text as RedirectToken['text'], fd, from, to: this.at };
  }

  private word(): WordToken {
    const parts: Part[] = [];
    const token: WordToken = { type: 'word', parts, from: this.at, to: this.at, open: false };
    const add = (text: string, quoted: boolean): void => {
      const last = parts.at(-1);
      if (last?.kind === 'text' && last.quoted === quoted) last.text += text;
      else parts.push({ kind: 'text', text, quoted });
    };
    for (let c = this.text[this.at]; c !== undefined && !ENDS_WORD.test(c); c = this.text[this.at]) {
      if (c === "'") token.open = !this.single(add);
      else if (c === '"') token.open = !this.double(parts, add);
      else if (c === '\\') this.escape(add);
      else if (c === '$' || c === '`') this.dollar(parts, add, false);
      else {
        add(c, false);
        this.at++;
      }
    }
    token.to = this.at;
    return token;
  }

  private escape(add: (text: string, quoted: boolean) => void): void {
    const next = this.text[this.at + 1];
    if (next === undefined && !this.lenient) throw new SyntaxProblem('nothing follows the \\', true);
    if (next !== '\n' && next !== undefined) add(next, true);
    this.at += 2;
  }

  /** @returns whether it was closed */
  private single(add: (text: string, quoted: boolean) => void): boolean {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0 && !this.lenient) throw new SyntaxProblem("unterminated quoted string: '", true);
    add(this.text.slice(this.at + 1, end < 0 ? undefined : end), true);
    this.at = end < 0 ? this.text.length : end + 1;
    return end >= 0;
  }

  private double(parts: Part[], add: (text: string, quoted: boolean) => void): boolean {
    add('', true); // "" is a word
    for (this.at++; this.at < this.text.length;) {
      const c = this.text[this.at]!;
      if (c === '"') {
        this.at++;
        return true;
      }
      if (c === '\\' && /["\\$`\n]/.test(this.text[this.at + 1] ?? '')) this.escape(add);
      else if (c === '$' || c === '`') this.dollar(parts, add, true);
      else {
        add(c, true);
        this.at++;
      }
    }
    if (!this.lenient) throw new SyntaxProblem('unterminated quoted string: "', true);
    return false;
  }

  private dollar(parts: Part[], add: (text: string, quoted: boolean) => void, quoted: boolean): void {
    if (this.starts('$?')) {
      parts.push({ kind: 'status' });
      this.at += 2;
      return;
    }
    const [expansion] = /^(`|\$\(|\$\{?\w*)/.exec(this.text.slice(this.at)) ?? [''];
    if (expansion === '$' || this.lenient) {
      add(this.text[this.at]!, quoted);
      this.at++;
      return;
    }
    if (/^(`|\$\()/.test(expansion))
      throw new SyntaxProblem(`there is no command substitution here: ${expansion}`);
    throw new SyntaxProblem(`there are no variables here but $?: ${expansion}`);
  }
}

/** @throws SyntaxProblem */
export function tokens(text: string): Token[] {
  return new Lexer(text, false).all();
}

/** The tokens of a line that is still being typed; null where it cannot become one. */
export function tokensSoFar(text: string): Token[] | null {
  try {
    return new Lexer(text, true).all();
  } catch (error) {
    if (error instanceof SyntaxProblem) return null;
    throw error;
  }
}

/** A word as a text that reads back as that word. */
export function quote(text: string): string {
  if (text !== '' && !/[^\w@%+=:,./-]/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
