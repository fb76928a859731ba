import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

export const clear: Command = {
  name: 'clear',
  summary: 'Clears the terminal',
  usage: '',
  options: {},
  completes: 'nothing',
  async run({ operands, shell }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    shell.clear();
  },
};
