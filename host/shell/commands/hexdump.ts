import { O_RDONLY } from '../../../kernel/abi/operation.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import type { Options } from '../options.ts';
import { throwIfInterrupted } from '../signal.ts';
import { eachInput } from './inputs.ts';
import { parseSize } from './sizes.ts';

const ROW = 16;

export const hexdump: Command = {
  name: 'hexdump',
  summary: 'Prints bytes in hexadecimal',
  usage: '[-Cv] [-n BYTES] [-s BYTES] [FILE]...',
  details: 'A row that is like the one above it is shown as *.',
  options: {
    'C,canonical': 'byte by byte, with the text beside them; otherwise 16 bits by 16 bits',
    'v,no-squeezing': 'show rows that are alike',
    'n,length=BYTES': 'no more than so many bytes',
    's,skip=BYTES': 'begin after so many bytes',
  },
  completes: 'path',
  async run(call) {
    const length = bytesOf(call.options, 'length') ?? Infinity;
    const skip = bytesOf(call.options, 'skip') ?? 0;
    const dump = new Dump(call.options.has('C'), call.options.has('v'), skip);
    let [skipped, shown] = [0, 0];
    const status = await eachInput(call, O_RDONLY, async (input) => {
      while (shown < length) {
        throwIfInterrupted(call.signal);
        const piece = await input.read(Math.max(skip - skipped, 0) + length - shown);
        if (piece === null) return;
        const rest = piece.subarray(Math.min(skip - skipped, piece.length));
        skipped += piece.length - rest.length;
        const part = rest.subarray(0, length - shown);
        shown += part.length;
        await call.print(dump.rows(part));
      }
    });
    await call.print(dump.end());
    return status;
  },
};

function bytesOf(options: Options, name: string): number | undefined {
  const text = options.get(name);
  const size = text === undefined ? undefined : parseSize(text);
  if (size === null) throw new UsageError(`invalid number of bytes: '${text}'`);
  return size;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

class Dump {
  private readonly canonical: boolean;
  private readonly verbose: boolean;
  private offset: number;
  private rest: number[] = [];
  private last = '';
  private squeezing = false;

  constructor(canonical: boolean, verbose: boolean, offset: number) {
    this.canonical = canonical;
    this.verbose = verbose;
    this.offset = offset;
  }

  rows(piece: Uint8Array): string {
    const bytes = [...this.rest, ...piece];
    let text = '';
    let at = 0;
    for (; at + ROW <= bytes.length; at += ROW) text += this.row(bytes.slice(at, at + ROW));
    this.rest = bytes.slice(at);
    return text;
  }

  end(): string {
    const text = this.rest.length > 0 ? this.row(this.rest) : '';
    return this.offset > 0 ? `${text}${hex(this.offset, this.canonical ? 8 : 7)}\n` : text;
  }

  private row(bytes: number[]): string {
    const content = this.canonical ? canonicalRow(bytes) : wordsRow(bytes);
    const alike = !this.verbose && content === this.last && bytes.length === ROW;
    const at = this.offset;
    this.offset += bytes.length;
    this.last = content;
    if (alike && this.squeezing) return '';
    this.squeezing = alike;
    return alike ? '*\n' : `${hex(at, this.canonical ? 8 : 7)}${content}\n`;
  }
}

function canonicalRow(bytes: number[]): string {
  const half = (from: number): string =>
    Array.from({ length: 8 }, (_, i) => {
      const byte = bytes[from + i];
      return byte === undefined ? '  ' : hex(byte, 2);
    }).join(' ');
  const text = bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `  ${half(0)}  ${half(8)}  |${text}|`;
}

function wordsRow(bytes: number[]): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 2) text += ` ${hex(bytes[i]! | ((bytes[i + 1] ?? 0) << 8), 4)}`;
  return text.padEnd((ROW / 2) * 5);
}
