import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { delay } from '../signal.ts';

export const sleep: Command = {
  name: 'sleep',
  summary: 'Waits',
  usage: 'SECONDS',
  options: {},
  completes: 'nothing',
  async run({ operands, signal }) {
    const [text] = operands;
    if (text === undefined) throw new UsageError('missing operand');
    if (!/^\d*\.?\d+$/.test(text)) throw new UsageError(`invalid time interval '${text}'`);
    await delay(Number(text) * 1000, signal);
  },
};
