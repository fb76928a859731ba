import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

export const pwd: Command = {
  name: 'pwd',
  summary: 'Prints the working directory',
  usage: '',
  options: {},
  completes: 'nothing',
  async run({ operands, directory, print }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    await print(`${directory.path}\n`);
  },
};
