import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';

/** In the order in which they are printed; null: no file says it. */
const FIELDS = [
  ['kernel-name', '/proc/sys/kernel/ostype'],
  ['nodename', '/proc/sys/kernel/hostname'],
  ['kernel-release', '/proc/sys/kernel/osrelease'],
  ['kernel-version', '/proc/sys/kernel/version'],
  ['machine', null],
] as const;
const MACHINE = 'wasm32';

export const uname: Command = {
  name: 'uname',
  summary: 'Tells which kernel this is',
  usage: '[-asnrvm]',
  options: {
    'a,all': 'everything',
    's,kernel-name': "the kernel's name",
    'n,nodename': "the machine's name",
    'r,kernel-release': "the kernel's release",
    'v,kernel-version': "the kernel's version",
    'm,machine': 'the processor',
  },
  completes: 'nothing',
  async run({ options, operands, files, print }) {
    if (operands[0] !== undefined) throw new UsageError(`extra operand '${operands[0]}'`);
    const asked = FIELDS.filter(([name]) => options.has('all') || options.has(name));
    const words: string[] = [];
    for (const [, path] of asked.length > 0 ? asked : FIELDS.slice(0, 1))
      words.push(path === null ? MACHINE : (await files.text(path)).trim());
    await print(`${words.join(' ')}\n`);
  },
};
