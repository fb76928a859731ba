import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { print } from '../streams.ts';

export const time: Command = {
  name: 'time',
  summary: 'Runs a command and tells how long it took',
  usage: 'COMMAND [WORD]...',
  details:
    'The time is that of the clock, with the way to the machine and back; what a call costs is measured by the lab.',
  options: null,
  completes: 'command',
  async run(call) {
    const { shell, words, signal, err, directory } = call;
    const [name, ...rest] = words;
    if (name === undefined) throw new UsageError('missing command');
    const start = performance.now();
    const status = await shell.call(name, rest, call, signal, directory);
    const seconds = (performance.now() - start) / 1000;
    await print(err, `real\t${Math.floor(seconds / 60)}m${(seconds % 60).toFixed(3)}s\n`);
    return status;
  },
};
