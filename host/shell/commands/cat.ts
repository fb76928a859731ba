import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { eachInput } from './inputs.ts';

export const cat: Command = {
  name: 'cat',
  summary: 'Prints files one after the other, or its input',
  usage: '[FILE]...',
  details: 'A - is its input. A device without an end is printed until Ctrl-C.',
  options: {},
  completes: 'path',
  run: (call) =>
    eachInput(call, O_RDONLY, async (input) => {
      for (let piece = await input.read(); piece !== null; piece = await input.read())
        await call.out.write(piece);
    }),
};
