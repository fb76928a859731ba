import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { eachInput } from './inputs.ts';

export const wc: Command = {
  name: 'wc',
  summary: 'Counts lines, words and bytes of files, or of its input',
  usage: '[-lwc] [FILE]...',
  options: { 'l,lines': 'the lines', 'w,words': 'the words', 'c,bytes': 'the bytes' },
  completes: 'path',
  async run(call) {
    const { options, operands } = call;
    const asked = ['lines', 'words', 'bytes'].map((name) => options.has(name));
    const shown = asked.includes(true) ? asked : [true, true, true];
    const total = [0, 0, 0];
    const row = (counts: number[], name: string): Promise<void> => {
      const figures = counts.filter((_, i) => shown[i]);
      const width = figures.length > 1 ? 7 : 0;
      const text = figures.map((count) => String(count).padStart(width)).join(' ');
      return call.print(`${text}${name === '' ? '' : ` ${name}`}\n`);
    };
    const status = await eachInput(call, O_RDONLY, async (input, name) => {
      const counts = [0, 0, 0];
      let inWord = false;
      for (let piece = await input.read(); piece !== null; piece = await input.read()) {
        counts[2]! += piece.length;
        for (const byte of piece) {
          if (byte === 10) counts[0]!++;
          const blank = byte === 32 || (byte >= 9 && byte <= 13);
          if (!blank && !inWord) counts[1]!++;
          inWord = !blank;
        }
      }
      counts.forEach((count, i) => (total[i]! += count));
      await row(counts, operands.length === 0 ? '' : name);
    });
    if (operands.length > 1) await row(total, 'total');
    return status;
  },
};
