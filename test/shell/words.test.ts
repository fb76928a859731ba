// How a text becomes words, and words become what is run.

import { describe, expect, test } from 'vitest';
import { parse, parseScript, type List, type Word } from '../../host/shell/parse.ts';
import { quote, SyntaxProblem, tokens } from '../../host/shell/words.ts';

const wordText = (word: Word): string =>
  word.map((part) => (part.kind === 'status' ? '<$?>' : part.text)).join('');

/** The words of a text without operators. */
const words = (text: string): string[] =>
  tokens(text).map((token) => (token.type === 'word' ? wordText(token.parts) : token.text));

/** A list as a text that shows how it was understood. */
function shape({ first, rest }: List): string {
  const pipeline = (commands: List['first']): string =>
    commands
      .map(({ words: own, redirects }) =>
        [
          ...own.map((word) => `[${wordText(word)}]`),
          ...redirects.map(({ fd, operator, target }) => `${fd}${operator}[${wordText(target)}]`),
        ].join(' '),
      )
      .join(' | ');
  return [pipeline(first), ...rest.map((each) => `${each.operator} ${pipeline(each.pipeline)}`)].join(' ');
}

function problem(text: string): SyntaxProblem {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof SyntaxProblem) return error;
    throw error;
  }
  throw new Error(`was understood: ${text}`);
}

describe('words', () => {
  test.each([
    ['echo  a\tb', ['echo', 'a', 'b']],
    [`echo 'a  "b"' "c 'd'"`, ['echo', 'a  "b"', "c 'd'"]],
    [String.raw`echo a\ b \# \\ \'`, ['echo', 'a b', '#', '\\', "'"]],
    [String.raw`echo "a\"b\\c\d"`, ['echo', 'a"b\\c\\d']],
    [`echo a'b'"c"d`, ['echo', 'abcd']],
    [`echo '' ""`, ['echo', '', '']],
    ['echo a#b # a comment', ['echo', 'a#b']],
    ['a\\\nb c \\\n d', ['ab', 'c', 'd']],
    ['echo $? "$?" \'$?\'', ['echo', '<$?>', '<$?>', '$?']],
    ['echo "a\nb"', ['echo', 'a\nb']],
    ['echo über 日本', ['echo', 'über', '日本']],
  ])('%j', (text, expected) => expect(words(text)).toEqual(expected));

  test.each(['', 'plain/path-1.0', 'two words', "it's", '$?', '#', 'a\nb', '*', '"', '\\'])(
    'a quoted word reads back: %j',
    (word) => expect(words(quote(word))).toEqual([word]),
  );
});

describe('what is run', () => {
  test.each([
    ['a b; c', ['[a] [b]', '[c]']],
    ['a\n\n# nothing\nb;\n', ['[a]', '[b]']],
    ['a && b || c; d', ['[a] && [b] || [c]', '[d]']],
    ['a | b |\n c', ['[a] | [b] | [c]']],
    ['a &&\n b', ['[a] && [b]']],
    ['echo x >/dev/null', ['[echo] [x] 1>[/dev/null]']],
    ['<f a b 2>>g >& 2', ['[a] [b] 0<[f] 2>>[g] 1>&[2]']],
    ['echo 2>f', ['[echo] 2>[f]']],
    ['echo 2 >f', ['[echo] [2] 1>[f]']],
    ['', []],
    ['  # nothing', []],
  ])('%j', (text, expected) => expect(parse(text).map(shape)).toEqual(expected));

  test('a list knows how it was written', () => {
    expect(parse("a 'b c' | d;  e && f >g # h").map(({ text }) => text)).toEqual([
      "a 'b c' | d",
      'e && f >g',
    ]);
  });

  test.each([
    ['a ;; b', 'syntax error: unexpected ;'],
    ['; a', 'syntax error: unexpected ;'],
    ['| a', 'syntax error: unexpected |'],
    ['a && ; b', 'syntax error: unexpected ;'],
    ['a > ; b', 'syntax error: unexpected ;'],
    ['a >\nb', 'syntax error: unexpected end of the line'],
    ['a & b', 'unsupported: &'],
    ['(a)', 'unsupported: ('],
    ['echo $HOME', 'unsupported: $HOME'],
    ['echo "${x}"', 'unsupported: ${x'],
    ['echo $(ls)', 'unsupported: $('],
    ['echo `ls`', 'unsupported: `'],
    ['cat <<EOF', 'unsupported: <<'],
    ['for i in 1', 'unsupported: for'],
    ['a | while b', 'unsupported: while'],
    ['a && if b', 'unsupported: if'],
    ['A=1 a', 'unsupported: A=1'],
    ['f() { a; }', 'unsupported: ('],
    ['set -e', 'unsupported: set'],
    ['echo $$', 'unsupported: $$'],
    ["echo $'a'", "unsupported: $'"],
    ['a 3> b', 'syntax error: file descriptors are 0, 1 and 2, not 3'],
  ])('%j is refused', (text, message) => {
    expect(problem(text)).toMatchObject({ message: `line 1: ${message}`, unfinished: false });
  });

  test('words of the language are words where no command stands', () => {
    expect(parse("echo for A=1; 'for' b; \\if").map(shape)).toEqual([
      '[echo] [for] [A=1]',
      '[for] [b]',
      '[if]',
    ]);
  });

  test('the lines before a problem can be run, and it knows its own', () => {
    const script = (text: string): unknown => {
      const { lists, problem: found } = parseScript(text);
      return [lists.map(({ text: own }) => own), found?.message];
    };
    expect(script('a\n\nb; c\nd; for x')).toEqual([['a', 'b', 'c'], 'line 4: unsupported: for']);
    expect(script('a; b &&\n\n(c)')).toEqual([[], 'line 3: unsupported: (']);
    expect(script("a\nb 'c\nd")).toEqual([['a'], "line 2: syntax error: unterminated quoted string: '"]);
    expect(script('a\nb |\n')).toEqual([['a'], 'line 3: syntax error: unexpected end of the text']);
    expect(script('a\nb')).toEqual([['a', 'b'], undefined]);
  });

  test.each(["echo 'a", 'echo "a', 'echo a \\', 'a &&', 'a |', 'a ||\n', 'a >'])(
    '%j wants more text',
    (text) => expect(problem(text).unfinished).toBe(true),
  );
});
