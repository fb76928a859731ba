import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';

const MODULES = '/proc/modules';
/** name size references users,|- … */
const ROW = /^(\S+) (\d+) (-?\d+) (\S+) /;

export const lsmod: Command = {
  name: 'lsmod',
  summary: 'Lists the loaded modules',
  usage: '',
  details: `What ${MODULES} says: the size is that of the module's file and data; then who uses it.`,
  options: {},
  completes: 'nothing',
  async run({ files, operands, print }) {
    if (operands[0] !== undefined) throw new UsageError(`ERROR: too many arguments: ${operands[0]}`);
    const lines = (await files.text(MODULES)).split('\n').filter((line) => line !== '');
    const rows = lines.map((line) => {
      const [, name, size, references, users] = ROW.exec(line) ?? [];
      if (name === undefined || size === undefined || users === undefined)
        throw new Complaint(`ERROR: ${MODULES} has a line that is not understood: ${line}`);
      const holders = users === '-' ? '' : ` ${users.replace(/,$/, '')}`;
      return `${name.padEnd(19)} ${size.padStart(8)}  ${references}${holders}\n`;
    });
    await print(`Module                  Size  Used by\n${rows.join('')}`);
  },
};
