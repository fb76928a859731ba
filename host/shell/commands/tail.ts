import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { linesOf } from '../streams.ts';
import { eachInput } from './inputs.ts';

export const tail: Command = {
  name: 'tail',
  summary: 'Prints the last lines of files, or of its input',
  usage: '[-n LINES] [FILE]...',
  options: { 'n,lines=LINES': 'so many lines (10)' },
  completes: 'path',
  async run(call) {
    const { options, operands } = call;
    const count = options.number('lines') ?? 10;
    let first = true;
    return eachInput(call, O_RDONLY, async (input, name) => {
      const last: string[] = [];
      for await (const line of linesOf(input)) {
        last.push(line);
        if (last.length > count) last.shift();
      }
      if (operands.length > 1) await call.print(`${first ? '' : '\n'}==> ${name} <==\n`);
      first = false;
      await call.print(last.map((line) => `${line}\n`).join(''));
    });
  },
};
