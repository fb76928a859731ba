import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

export const lsmod: Command = {
  name: 'lsmod',
  summary: 'Lists the loaded modules',
  usage: '',
  options: {},
  completes: 'nothing',
  async run({ machine, operands, print }) {
    if (operands.length > 0) throw new UsageError(`ERROR: too many arguments: ${operands[0]}`);
    const rows = machine.lsmod().map(({ name, size, references, usedBy }) => {
      const holders = usedBy.length > 0 ? ` ${usedBy.join(',')}` : '';
      return `${name.padEnd(19)} ${String(size).padStart(8)}  ${references}${holders}\n`;
    });
    await print(`Module                  Size  Used by\n${rows.join('')}`);
  },
};
