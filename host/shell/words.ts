// A text as words and operators, as sh reads them: '…' keeps everything, "…" everything but \ and $?, \ keeps the next
// character, # begins a comment. What sh has and this has not (variables, $(…), background jobs) is refused by name and
// line: a script must not quietly mean something else here.

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

  /** @param at where in the text it is */
  constructor(what: string, text: string, at: number, unfinished = false) {
    super(`line ${text.slice(0, at).split('\n').length}: ${what}`);
    this.unfinished = unfinished;
  }
}

const BLANK = /[ \t\r]/;
/** What sh would put something else for. */
const EXPANSION = /^(`|\$\(|\$\{\w*|\$\w+|\$[@*#$!'"-])/;
const QUOTED_EXPANSION = /^(`|\$\(|\$\{\w*|\$\w+|\$[@*#$!-])/;
const ENDS_WORD = /[ \t\r\n;&|<>()]/;

export class Lexer {
  private readonly text: string;
  /** Whether an open quote at the end is taken as it is, as completion wants it. */
  private readonly lenient: boolean;
  private at = 0;
  /** Where the token begins that is being read. */
  private from = 0;

  constructor(text: string, lenient = false) {
    this.text = text;
    this.lenient = lenient;
  }

  /** The next token; null at the end. @throws SyntaxProblem */
  next(): Token | null {
    this.skip();
    this.from = this.at;
    return this.at < this.text.length ? (this.operator() ?? this.redirect() ?? this.word()) : null;
  }

  all(): Token[] {
    const tokens: Token[] = [];
    for (let token = this.next(); token !== null; token = this.next()) tokens.push(token);
    return tokens;
  }

  private wrong(what: string): SyntaxProblem {
    return new SyntaxProblem(`syntax error: ${what}`, this.text, this.from);
  }

  private unfinished(what: string): SyntaxProblem {
    return new SyntaxProblem(`syntax error: ${what}`, this.text, this.from, true);
  }

  private unsupported(what: string): SyntaxProblem {
    return new SyntaxProblem(`unsupported: ${what}`, this.text, this.at);
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
    if (/[&()]/.test(this.text[this.at]!)) throw this.unsupported(this.text[this.at]!);
    return null;
  }

  private redirect(): RedirectToken | null {
    const found = /^(\d*)(<<|<|>>|>&|>)/.exec(this.text.slice(this.at));
    if (!found) return null;
    const [whole, digits = '', text] = found;
    if (text === '<<') throw this.unsupported(text);
    const fd = digits === '' ? (text === '<' ? 0 : 1) : Number(digits);
    if (fd > 2) throw this.wrong(`file descriptors are 0, 1 and 2, not ${fd}`);
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
    if (next === undefined && !this.lenient) throw this.unfinished('nothing follows the \\');
    if (next !== '\n' && next !== undefined) add(next, true);
    this.at += 2;
  }

  /** @returns whether it was closed */
  private single(add: (text: string, quoted: boolean) => void): boolean {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0 && !this.lenient) throw this.unfinished("unterminated quoted string: '");
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
    if (!this.lenient) throw this.unfinished('unterminated quoted string: "');
    return false;
  }

  private dollar(parts: Part[], add: (text: string, quoted: boolean) => void, quoted: boolean): void {
    if (this.starts('$?')) {
      parts.push({ kind: 'status' });
      this.at += 2;
      return;
    }
    const expansions = quoted ? QUOTED_EXPANSION : EXPANSION;
    const [expansion] = expansions.exec(this.text.slice(this.at)) ?? [];
    if (expansion !== undefined && !this.lenient) throw this.unsupported(expansion);
    add(this.text[this.at]!, quoted);
    this.at++;
  }
}

/** @throws SyntaxProblem */
export function tokens(text: string): Token[] {
  return new Lexer(text).all();
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
