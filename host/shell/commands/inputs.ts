// What the commands that read files have in common: their operands one after the other, `-` or nothing for the input.

import type { Call } from '../command.ts';
import { FileError } from '../errors.ts';
import type { Input } from '../streams.ts';

/** Works on each input; one that fails is told, and the others are read all the same. @returns the status */
export async function eachInput(
  call: Call,
  flags: number,
  work: (input: Input, name: string) => Promise<void>,
  names: readonly string[] = call.operands,
): Promise<number> {
  let status = 0;
  for (const name of names.length > 0 ? names : ['-']) {
    try {
      if (name === '-') await work(call.in, 'standard input');
      else await call.files.with(name, flags, (file) => work(file, name));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      await call.complain(error.message);
      status = 1;
    }
  }
  return status;
}
