import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { throwIfInterrupted, type Signal } from '../signal.ts';
import type { Input, Output } from '../streams.ts';
import { eachInput } from './inputs.ts';
import { parseSize } from './sizes.ts';

const NEWLINE = 10;

export const head: Command = {
  name: 'head',
  summary: 'Prints the beginning of files, or of its input',
  usage: '[-n LINES | -c BYTES] [FILE]...',
  options: { 'n,lines=LINES': 'so many lines (10)', 'c,bytes=BYTES': 'so many bytes; K and M may follow' },
  completes: 'path',
  async run(call) {
    const { options, operands } = call;
    const bytes = options.get('bytes');
    const count = bytes === undefined ? (options.number('lines') ?? 10) : parseSize(bytes);
    if (count === null) throw new UsageError(`invalid number of bytes: '${bytes}'`);
    let first = true;
    return eachInput(call, O_RDONLY, async (input, name) => {
      if (operands.length > 1) await call.print(`${first ? '' : '\n'}==> ${name} <==\n`);
      first = false;
      await begin(input, call.out, bytes === undefined ? linesEnd(count) : bytesEnd(count), call.signal);
    });
  },
};

/** Where in a piece the beginning ends; null where it goes on after it. */
type End = (piece: Uint8Array) => number | null;

function bytesEnd(left: number): End {
  return (piece) => {
    const end = piece.length >= left ? left : null;
    left -= piece.length;
    return end;
  };
}

function linesEnd(left: number): End {
  return (piece) => {
    let end = 0;
    while (left > 0) {
      const at = piece.indexOf(NEWLINE, end);
      if (at < 0) return null;
      [end, left] = [at + 1, left - 1];
    }
    return end;
  };
}

/** Hands an input's beginning on, and reads no piece more than it needs. */
async function begin(input: Input, out: Output, endOf: End, signal: Signal): Promise<void> {
  if (endOf(new Uint8Array()) !== null) return;
  for (let piece = await input.read(); piece !== null; piece = await input.read()) {
    throwIfInterrupted(signal);
    const end = endOf(piece);
    await out.write(end === null ? piece : piece.subarray(0, end));
    if (end !== null) return;
  }
}
