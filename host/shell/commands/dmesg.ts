import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';
import type { LogView, Machine } from '../../machine/shared/types.ts';
import { formatRecord, LEVEL_NAMES, levelNamed } from '../../machine/inspect/dmesg.ts';

export const dmesg: Command = {
  name: 'dmesg',
  summary: "Prints the kernel's log",
  usage: '[-crtx] [-l LIST] [--last]\n       dmesg -C | -n LEVEL',
  details: `Levels: ${LEVEL_NAMES.join(' ')}.
-n sets the first number of /proc/sys/kernel/printk, as Linux: 8 or debug is everything; there is no console here, so it
changes nothing that is printed. What was cleared is still in /dev/kmsg, as on Linux.
The log is read out of the kernel's memory, so that of a kernel that hangs can be seen as well.`,
  options: {
    'c,read-clear': 'print, then clear: dmesg does not print again what was there',
    'C,clear': 'clear and print nothing',
    'n,console-level=LEVEL':
      'the level of messages that go to the console, by name, or one more than it (1 to 8)',
    'l,level=LIST': 'only these levels: err,warn; LEVEL+ for it and what is worse',
    'r,raw': 'the level as a number: <4>[    0.012345] text',
    't,notime': 'without times',
    'x,decode': 'the level by its name before each line',
    last: 'what the kernel said that died last',
  },
  completes: 'nothing',
  async run({ machine, files, options, operands, print, complain }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    const level = options.get('console-level');
    if (level !== undefined) return files.putText(PRINTK, `${consoleLevel(level)}\n`);
    const wanted = levelsOf(options.get('level'));
    const log = options.has('last') ? machine.deadKernelLog : since(machine);
    if (log === null) throw new Complaint('no kernel has died on this machine');
    if (options.has('clear') || options.has('read-clear')) clear(machine);
    if (options.has('clear')) return;
    const style = { plain: options.has('notime'), decode: options.has('decode') };
    const lines = log.records
      .filter(({ level }) => wanted.has(level))
      .map((record) => `${options.has('raw') ? `<${record.level}>` : ''}${formatRecord(record, style)}\n`);
    await print(lines.join(''));
    if (log.lost > 0) await complain(`${log.lost} records were overwritten or are damaged`);
  },
};

const PRINTK = '/proc/sys/kernel/printk';
const MAX_CONSOLE_LEVEL = 8;

/** What goes to the console is below it: a level by name is shown itself. @throws UsageError */
function consoleLevel(text: string): number {
  if (/^\d+$/.test(text) && Number(text) > 0 && Number(text) <= MAX_CONSOLE_LEVEL) return Number(text);
  const level = /^\d/.test(text) ? null : levelNamed(text);
  if (level === null) throw new UsageError(`unknown level '${text}'`);
  return level + 1;
}

/** By machine: the last record that was cleared, and in which boot. */
const cleared = new WeakMap<Machine, { boot: number; sequence: number }>();

function clear(machine: Machine): void {
  const sequence = machine.dmesg().records.at(-1)?.sequence ?? 0;
  cleared.set(machine, { boot: machine.status().boot, sequence });
}

/** The log from where it was cleared. */
function since(machine: Machine): LogView {
  const log = machine.dmesg();
  const last = cleared.get(machine);
  if (last?.boot !== machine.status().boot) return log;
  const records = log.records.filter(({ sequence }) => sequence > last.sequence);
  const count = (records.at(-1)?.sequence ?? last.sequence) - last.sequence;
  return { records, lost: count - records.length };
}

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
