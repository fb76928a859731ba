import type { Call, Command } from '../command.ts';
import { throwIfInterrupted } from '../signal.ts';
import type { Input } from '../streams.ts';
import { eachPart, PART_OPTIONS, shareOf, type Share } from './inputs.ts';
import { LastBytes, LastLines } from './last.ts';

const NEWLINE = 10;

export const head: Command = {
  name: 'head',
  summary: 'Prints the beginning of files, or of its input',
  usage: '[-n LINES | -c BYTES | -LINES] [-qv] [FILE]...',
  details: 'A - before the number: all but so many at the end. K and M may follow it. -c reads no byte more.',
  options: {
    'n,#,lines=LINES': 'so many lines (10)',
    'c,bytes=BYTES': 'so many bytes',
    ...PART_OPTIONS,
  },
  completes: 'path',
  async run(call) {
    const share = shareOf(call);
    return eachPart(call, (input) => (share.sign === '-' ? allBut : begin)(call, input, share));
  },
};

/** Hands an input's beginning on, and reads no piece more than it needs. */
async function begin({ out, signal }: Call, input: Input, { bytes, count }: Share): Promise<void> {
  for (let left = count; left > 0;) {
    throwIfInterrupted(signal);
    const piece = await (bytes ? input.read(left) : input.read());
    if (piece === null) return;
    let end = piece.length;
    if (bytes) left -= end;
    else for (let at = 0; left > 0 && (at = piece.indexOf(NEWLINE, at) + 1) > 0; end = at) left--;
    await out.write(left > 0 ? piece : piece.subarray(0, end));
  }
}

async function allBut({ out, signal }: Call, input: Input, { bytes, count }: Share): Promise<void> {
  const last = bytes ? new LastBytes(count) : new LastLines(count);
  for (let piece = await input.read(); piece !== null; piece = await input.read()) {
    throwIfInterrupted(signal);
    for (const gone of last.put(piece)) await out.write(gone);
  }
  for (const gone of last.end().out) await out.write(gone);
}
