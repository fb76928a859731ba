import type { Call, Command } from '../command.ts';
import { throwIfInterrupted } from '../signal.ts';
import { joined, type Input } from '../streams.ts';
import { eachPart, PART_OPTIONS, shareOf, type Share } from './inputs.ts';
import { LastBytes, LastLines } from './last.ts';

const NEWLINE = 10;

export const tail: Command = {
  name: 'tail',
  summary: 'Prints the end of files, or of its input',
  usage: '[-n LINES | -c BYTES | -LINES | +LINES] [-qv] [FILE]...',
  details: 'A + before the number: from there on, the first is 1. K and M may follow it.',
  options: {
    'n,#,lines=LINES': 'so many lines (10)',
    'c,bytes=BYTES': 'so many bytes',
    ...PART_OPTIONS,
  },
  completes: 'path',
  async run(call) {
    const { operands, words } = call;
    // As it was written before there were options.
    const from = /^\+\d+$/.test(words[0] ?? '') ? Number(words[0]) : null;
    const share = from === null ? shareOf(call) : { bytes: false, sign: '+', count: from };
    const names = from === null ? operands : operands.slice(1);
    return eachPart(call, (input) => (share.sign === '+' ? onwards : end)(call, input, share), names);
  },
};

async function end({ out, signal }: Call, input: Input, { bytes, count }: Share): Promise<void> {
  const last = bytes ? new LastBytes(count) : new LastLines(count);
  for (let piece = await input.read(); piece !== null; piece = await input.read()) {
    throwIfInterrupted(signal);
    last.put(piece);
  }
  await out.write(joined(last.end().left));
}

/** Hands on what comes from the byte or line `count` on. */
async function onwards({ out, signal }: Call, input: Input, { bytes, count }: Share): Promise<void> {
  let left = Math.max(count - 1, 0);
  for (let piece = await input.read(); piece !== null; piece = await input.read()) {
    throwIfInterrupted(signal);
    let from = 0;
    if (bytes) from = Math.min(left, piece.length);
    else
      for (let gone = left; gone > 0 && from < piece.length; gone--) {
        const at = piece.indexOf(NEWLINE, from);
        from = at < 0 ? piece.length : at + 1;
        if (at >= 0) left--;
      }
    if (bytes) left -= from;
    if (from < piece.length) await out.write(piece.subarray(from));
  }
}
