// What the commands that read files have in common: their operands one after the other, `-` or nothing for the input.

import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Call } from '../command.ts';
import { FileError, UsageError } from '../errors.ts';
import type { Input } from '../streams.ts';
import { parseSize } from './sizes.ts';

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

/** The options that head and tail share. */
export const PART_OPTIONS = {
  'q,quiet': 'no headers with the names',
  'v,verbose': 'headers also where there is one file',
};

/** What of each file head and tail print. */
export interface Share {
  bytes: boolean;
  /** With its sign: `-5` and `+5` are not 5. */
  sign: string;
  count: number;
}

/** @throws UsageError */
export function shareOf({ options }: Call): Share {
  const bytes = options.get('bytes');
  const text = bytes ?? options.get('lines') ?? '10';
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  const count = parseSize(text.slice(sign.length));
  if (count === null)
    throw new UsageError(`invalid number of ${bytes === undefined ? 'lines' : 'bytes'}: '${text}'`);
  return { bytes: bytes !== undefined, sign, count };
}

/** Works on each input, with a header for each where there are several. */
export function eachPart(
  call: Call,
  work: (input: Input) => Promise<void>,
  names: readonly string[] = call.operands,
): Promise<number> {
  const { options } = call;
  const headed = options.has('verbose') || (names.length > 1 && !options.has('quiet'));
  let first = true;
  return eachInput(
    call,
    O_RDONLY,
    async (input, name) => {
      if (headed) await call.print(`${first ? '' : '\n'}==> ${name} <==\n`);
      first = false;
      await work(input);
    },
    names,
  );
}
