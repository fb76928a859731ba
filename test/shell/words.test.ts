// How a text becomes words, and words become what is run.

import { describe, expect, test } from 'vitest';
import { parse, type List, type Word } from '../../host/shell/parse.ts';
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
    ['a ;; b', 'unexpected ;'],
    ['; a', 'unexpected ;'],
    ['| a', 'unexpected |'],
    ['a && ; b', 'unexpected ;'],
    ['a > ; b', 'unexpected ;'],
    ['a >\nb', 'unexpected end of the line'],
    ['a & b', 'there are no background jobs here: &'],
    ['(a)', 'there are no subshells here: ('],
    ['echo $HOME', 'there are no variables here but $?: $HOME'],
    ['echo "${x}"', 'there are no variables here but $?: ${x'],
    ['echo $(ls)', 'there is no command substitution here: $('],
    ['echo `ls`', 'there is no command substitution here: `'],
    ['cat <<EOF', 'there are no here-documents here: <<'],
    ['a 3> b', 'file descriptors are 0, 1 and 2, not 3'],
  ])('%j is refused', (text, message) => {
    expect(problem(text)).toMatchObject({ message, unfinished: false });
  });

  test.each(["echo 'a", 'echo "a', 'echo a \\', 'a &&', 'a |', 'a ||\n', 'a >'])(
    '%j wants more text',
    (text) => expect(problem(text).unfinished).toBe(true),
  );
});
