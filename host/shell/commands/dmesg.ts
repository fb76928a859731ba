import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import { formatRecord, LEVEL_NAMES, levelNamed } from '../../machine/dmesg.ts';

export const dmesg: Command = {
  name: 'dmesg',
  summary: "Prints the kernel's log",
  usage: '[-rtx] [-l LIST] [--last]',
  details: `Levels: ${LEVEL_NAMES.join(' ')}.
The log is read out of the kernel's memory, so that of a kernel that hangs can be seen as well.`,
  options: {
    'l,level=LIST': 'only these levels: err,warn; LEVEL+ for it and what is worse',
    'r,raw': 'the level as a number: <4>[    0.012345] text',
    't,notime': 'without times',
    'x,decode': 'the level by its name before each line',
    last: 'what the kernel said that died last',
  },
  completes: 'nothing',
  async run({ machine, options, operands, print, complain }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    const wanted = levelsOf(options.get('level'));
    const log = options.has('last') ? machine.lastWords : machine.dmesg();
    if (log === null) throw new Complaint('no kernel has died on this machine');
    const style = { plain: options.has('notime'), decode: options.has('decode') };
    const lines = log.records
      .filter(({ level }) => wanted.has(level))
      .map((record) => `${options.has('raw') ? `<${record.level}>` : ''}${formatRecord(record, style)}\n`);
    await print(lines.join(''));
    if (log.lost > 0) await complain(`${log.lost} records were overwritten or are damaged`);
  },
};

/** The levels that a list names. @throws UsageError */
function levelsOf(list: string | undefined): Set<number> {
  if (list === undefined) return new Set(LEVEL_NAMES.keys());
  const wanted = new Set<number>();
  for (const word of list.split(',')) {
    const name = word.replace(/\+$/, '');
    const level = levelNamed(name);
    if (level === null) throw new UsageError(`unknown level '${name}'`);
    wanted.add(level);
    if (name !== word) for (let worse = 0; worse < level; worse++) wanted.add(worse);
  }
  return wanted;
}
