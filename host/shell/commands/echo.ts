import type { Command } from '../command.ts';

export const echo: Command = {
  name: 'echo',
  summary: 'Prints its words, with a space between them',
  usage: '[-n] [WORD]...',
  details: '  -n  no line end after the last word',
  options: null,
  completes: 'path',
  async run({ words, print }) {
    const bare = words[0] === '-n';
    await print(words.slice(bare ? 1 : 0).join(' ') + (bare ? '' : '\n'));
  },
};
