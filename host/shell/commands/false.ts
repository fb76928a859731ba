import type { Command } from '../command.ts';

export const no: Command = {
  name: 'false',
  summary: 'Does nothing, and fails',
  usage: '',
  options: null,
  completes: 'nothing',
  run: () => Promise.resolve(1),
};
