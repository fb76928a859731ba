import type { Command } from '../command.ts';
import { unescaped } from '../escapes.ts';
import { joined } from '../streams.ts';

export const echo: Command = {
  name: 'echo',
  summary: 'Prints its words, with a space between them',
  usage: '[-neE] [WORD]...',
  details: `  -n  no line end after the last word
  -e  \\n \\t \\\\ \\a \\b \\e \\f \\r \\v \\0NNN (octal) \\xHH \\uHHHH stand for what they do; \\c ends the output
  -E  they stand for themselves, as they do where nothing is said`,
  options: null,
  completes: 'path',
  async run({ words, out }) {
    let first = 0;
    let [bare, escapes] = [false, false];
    for (; /^-[neE]+$/.test(words[first] ?? ''); first++) {
      for (const letter of words[first]!.slice(1)) {
        if (letter === 'n') bare = true;
        else escapes = letter === 'e';
      }
    }
    const text = words.slice(first).join(' ');
    const { bytes, ended } = unescaped(text, escapes ? 'echo' : 'nothing');
    await out.write(bare || ended ? bytes : joined([bytes, Uint8Array.of(10)]));
  },
};
