// From words and operators to what is run: pipelines joined by && and ||, one such list after another.

import { SyntaxProblem, tokens, type Part, type Token } from './words.ts';

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

class Parser {
  private readonly text: string;
  private readonly tokens: Token[];
  private at = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokens(text);
  }

  lists(): List[] {
    const lists: List[] = [];
    for (;;) {
      while (this.operator('\n')) continue;
      const token = this.tokens[this.at];
      if (token === undefined) return lists;
      lists.push(this.list());
      const next = this.tokens[this.at];
      if (next !== undefined && !this.operator(';') && !this.operator('\n')) throw this.unexpected(next);
    }
  }

  private operator(text: string): boolean {
    const token = this.tokens[this.at];
    if (token?.type !== 'operator' || token.text !== text) return false;
    this.at++;
    return true;
  }

  private unexpected(token: Token | undefined): SyntaxProblem {
    if (token === undefined) return new SyntaxProblem('unexpected end of the text', true);
    const text = this.text.slice(token.from, token.to);
    return new SyntaxProblem(`unexpected ${text === '\n' ? 'end of the line' : text}`);
  }

  private list(): List {
    const from = this.tokens[this.at]!.from;
    const list: List = { first: this.pipeline(), rest: [], text: '' };
    for (;;) {
      const operator = this.operator('&&') ? '&&' : this.operator('||') ? '||' : null;
      if (operator === null) break;
      while (this.operator('\n')) continue;
      list.rest.push({ operator, pipeline: this.pipeline() });
    }
    list.text = this.text.slice(from, this.tokens[this.at - 1]!.to);
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
      const token = this.tokens[this.at];
      if (token?.type === 'word') {
        command.words.push(token.parts);
        this.at++;
      } else if (token?.type === 'redirect') {
        this.at++;
        const target = this.tokens[this.at];
        if (target?.type !== 'word') throw this.unexpected(target);
        command.redirects.push({ fd: token.fd, operator: token.text, target: target.parts });
        this.at++;
      } else {
        if (command.words.length + command.redirects.length === 0) throw this.unexpected(token);
        return command;
      }
    }
  }
}

/**
 * The lists of a text, in order.
 * @throws SyntaxProblem, and nothing of the text is run
 */
export function parse(text: string): List[] {
  return new Parser(text).lists();
}
