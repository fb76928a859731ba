// From words and operators to what is run: pipelines joined by && and ||, one such list after another.

import { Lexer, SyntaxProblem, type Part, type Token, type WordToken } from './words.ts';

export type Word = Part[];

export interface Redirect {
  fd: number;
  /** `>&` makes fd the same as the file descriptor that its target names. */
  operator: '<' | '>' | '>>' | '>&';
  target: Word;
}

export interface SimpleCommand {
  words: Word[];
  redirects: Redirect[];
}

/** Commands whose output is the next one's input. */
export type Pipeline = SimpleCommand[];

/** What runs up to the next ; or line end. */
export interface List {
  first: Pipeline;
  rest: { operator: '&&' | '||'; pipeline: Pipeline }[];
  /** As it was written. */
  text: string;
}

/** What a text says: lists that can be run, and what ended them. */
export interface Script {
  lists: List[];
  /** Those of the lines before it are to be run, as sh runs them: it reads a line when it comes to it. */
  problem: SyntaxProblem | null;
}

/** Words of sh's language that this has not, where a command's name stands. */
const UNSUPPORTED = new Set(
  (
    'if then else elif fi for while until do done case esac select function { } ! [[ coproc ' +
    'set shift export readonly unset local declare typeset alias unalias eval exec trap return break continue source .'
  ).split(' '),
);
const ASSIGNMENT = /^[A-Za-z_]\w*\+?=/;

class Parser {
  private readonly text: string;
  private readonly lexer: Lexer;
  private readonly lists: List[] = [];
  /** How many of the lists stand on lines that are whole. */
  private whole = 0;
  /** The next token; null at the end, undefined where it has not been read yet. */
  private ahead: Token | null | undefined;
  /** Where the last token ended that was taken. */
  private end = 0;

  constructor(text: string) {
    this.text = text;
    this.lexer = new Lexer(text);
  }

  script(): Script {
    try {
      this.all();
      return { lists: this.lists, problem: null };
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      return { lists: this.lists.slice(0, this.whole), problem: error };
    }
  }

  private all(): void {
    for (;;) {
      while (this.operator('\n')) this.whole = this.lists.length;
      if (this.peek() === null) return;
      this.lists.push(this.list());
      const next = this.peek();
      if (next === null || this.operator(';')) continue;
      if (next.type !== 'operator' || next.text !== '\n') throw this.unexpected();
    }
  }

  private peek(): Token | null {
    if (this.ahead === undefined) this.ahead = this.lexer.next();
    return this.ahead;
  }

  private take(): void {
    this.end = this.peek()?.to ?? this.end;
    this.ahead = undefined;
  }

  private operator(text: string): boolean {
    const token = this.peek();
    if (token?.type !== 'operator' || token.text !== text) return false;
    this.take();
    return true;
  }

  private unexpected(): SyntaxProblem {
    const token = this.peek();
    if (token === null)
      return new SyntaxProblem('syntax error: unexpected end of the text', this.text, this.end, true);
    const text = this.text.slice(token.from, token.to);
    const what = text === '\n' ? 'end of the line' : text;
    return new SyntaxProblem(`syntax error: unexpected ${what}`, this.text, token.from);
  }

  private list(): List {
    const from = this.peek()!.from;
    const list: List = { first: this.pipeline(), rest: [], text: '' };
    for (;;) {
      const operator = this.operator('&&') ? '&&' : this.operator('||') ? '||' : null;
      if (operator === null) break;
      while (this.operator('\n')) continue;
      list.rest.push({ operator, pipeline: this.pipeline() });
    }
    list.text = this.text.slice(from, this.end);
    return list;
  }

  private pipeline(): Pipeline {
    const pipeline = [this.command()];
    while (this.operator('|')) {
      while (this.operator('\n')) continue;
      pipeline.push(this.command());
    }
    return pipeline;
  }

  private command(): SimpleCommand {
    const command: SimpleCommand = { words: [], redirects: [] };
    for (;;) {
      const token = this.peek();
      if (token?.type === 'word') {
        if (command.words.length === 0) this.refuse(token);
        command.words.push(token.parts);
        this.take();
      } else if (token?.type === 'redirect') {
        this.take();
        const target = this.peek();
        if (target?.type !== 'word') throw this.unexpected();
        command.redirects.push({ fd: token.fd, operator: token.text, target: target.parts });
        this.take();
      } else {
        if (command.words.length + command.redirects.length === 0) throw this.unexpected();
        return command;
      }
    }
  }

  /** @throws SyntaxProblem where the name of a command would be none in sh */
  private refuse({ parts, from, to }: WordToken): void {
    const [first] = parts;
    if (first?.kind !== 'text' || first.quoted) return;
    if ((parts.length > 1 || !UNSUPPORTED.has(first.text)) && !ASSIGNMENT.test(first.text)) return;
    throw new SyntaxProblem(`unsupported: ${this.text.slice(from, to)}`, this.text, from);
  }
}

export function parseScript(text: string): Script {
  return new Parser(text).script();
}

/**
 * The lists of a text that has no problem, in order.
 * @throws SyntaxProblem
 */
export function parse(text: string): List[] {
  const { lists, problem } = parseScript(text);
  if (problem !== null) throw problem;
  return lists;
}
