import type { Command } from '../command.ts';

export const yes: Command = {
  name: 'true',
  summary: 'Does nothing, and succeeds',
  usage: '',
  options: null,
  completes: 'nothing',
  run: () => Promise.resolve(0),
};
