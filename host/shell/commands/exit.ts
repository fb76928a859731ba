import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

export const exit: Command = {
  name: 'exit',
  summary: 'Leaves the shell',
  usage: '[STATUS]',
  details: 'Without a status: that of the last command.',
  options: {},
  completes: 'nothing',
  async run({ shell, operands }) {
    const [text] = operands;
    if (text !== undefined && !/^\d+$/.test(text))
      throw new UsageError(`a status is a number, not ${text}`, 2);
    shell.exited = true;
    return text === undefined ? shell.status : Number(text) & 0xff;
  },
};
