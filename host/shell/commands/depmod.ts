import { problemText } from '../../linker/module/depmod.ts';
import { INDEX_FILES } from '../../linker/module/module-index.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { print } from '../streams.ts';

export const depmod: Command = {
  name: 'depmod',
  summary: 'Finds out which module needs which, for modprobe',
  usage: '[-n]',
  details: `The shell keeps what it found; isolab depmod writes it beside the modules.
Unknown symbols, versions that disagree and cycles are told.`,
  options: { 'n,dry-run': 'print what was found' },
  completes: 'nothing',
  async run({ context, options, operands, err, print: out }) {
    if (operands[0] !== undefined) throw new UsageError(`ERROR: unexpected argument '${operands[0]}'`);
    const { texts, problems } = await context.modules.depmod();
    await print(err, problems.map((problem) => `${problemText(problem)}\n`).join(''));
    if (options.has('dry-run')) await out(INDEX_FILES.map((name) => texts[name]).join(''));
    return problems.some(({ level }) => level === 'ERROR') ? 1 : 0;
  },
};
