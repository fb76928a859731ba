import { O_RDONLY, O_WRONLY, SEEK_CUR } from '../../../kernel/abi/operation.ts';
import type { Call, Command } from '../command.ts';
import { Complaint, FileError, UsageError } from '../errors.ts';
import type { OpenFile } from '../files.ts';
import { throwIfInterrupted } from '../signal.ts';
import { print, type Input } from '../streams.ts';
import { humanBytes, parseSize } from './sizes.ts';
import { USER_SIZE } from '../../../kernel/abi/map.ts';

const WORDS = ['if', 'of', 'bs', 'count', 'skip', 'seek', 'conv', 'status'] as const;
type Word = (typeof WORDS)[number];

export const dd: Command = {
  name: 'dd',
  summary: 'Copies blocks from one file to another',
  usage: '[if=FILE] [of=FILE] [bs=BYTES] [count=N] [skip=N] [seek=N] [conv=WORD,…] [status=none|noxfer]',
  details: `  if=FILE   read this (its input)        bs=BYTES  bytes a call (512), at most ${USER_SIZE}; K and M may follow
  of=FILE   write this (its output)      count=N   copy so many blocks
  skip=N    begin after so many blocks of the input
  seek=N    begin after so many blocks of the output
  conv=     ucase lcase  letters of the other size    swab  two bytes change places
            sync     a block that is not whole is filled up with zeros
            noerror  after an error of reading go on with the next block
            notrunc nocreat fsync fdatasync  nothing here is cut, made or kept back
What was copied is told on the error stream.`,
  options: null,
  completes: 'path',
  async run(call) {
    const words = wordsOf(call.words);
    const bs = sizeOf(words, 'bs') ?? 512;
    if (bs === 0 || bs > USER_SIZE) throw new Complaint(`invalid number: '${words.get('bs')}'`);
    const status = words.get('status') ?? 'default';
    if (!['default', 'none', 'noxfer'].includes(status))
      throw new UsageError(`invalid status level: '${status}'`);
    const convert = conversionsOf(words.get('conv'));
    return ends(call, words, bs, convert, async (read, write) => {
      const tally: Tally = { in: [0, 0], out: [0, 0], bytes: 0 };
      const start = performance.now();
      let failed = 0;
      try {
        const [count, signal] = [sizeOf(words, 'count') ?? Infinity, call.signal];
        for (let block = 0; block < count; block++) {
          throwIfInterrupted(signal);
          const bytes = await read(bs);
          if (bytes?.length === 0) break;
          if (bytes === null && !convert.has('sync')) continue;
          tally.in[bytes?.length === bs ? 0 : 1]++;
          const out = converted(bytes ?? new Uint8Array(), convert, bs);
          await write(out);
          tally.out[out.length === bs ? 0 : 1]++;
          tally.bytes += out.length;
        }
      } catch (error) {
        if (!(error instanceof Complaint)) throw error;
        await call.complain(error.message);
        failed = 1;
      } finally {
        await print(call.err, report(tally, performance.now() - start, status));
      }
      return failed;
    });
  },
};

/** Whole and partial blocks. */
interface Tally {
  in: [number, number];
  out: [number, number];
  bytes: number;
}

function wordsOf(words: readonly string[]): Map<Word, string> {
  const said = new Map<Word, string>();
  for (const word of words) {
    const [name, ...rest] = word.split('=');
    if (!WORDS.includes(name as Word) || rest.length === 0)
      throw new UsageError(`unrecognized operand '${word}'`);
    said.set(name as Word, rest.join('='));
  }
  return said;
}

function sizeOf(words: Map<Word, string>, name: Word): number | undefined {
  const text = words.get(name);
  if (text === undefined) return undefined;
  const size = parseSize(text);
  if (size === null) throw new UsageError(`invalid number: '${text}'`);
  return size;
}

const CONVERSIONS = 'ucase lcase swab sync noerror notrunc nocreat fsync fdatasync'.split(' ');

/** @throws UsageError, Complaint */
function conversionsOf(list: string | undefined): ReadonlySet<string> {
  const said = new Set(list?.split(','));
  for (const word of said)
    if (!CONVERSIONS.includes(word)) throw new UsageError(`invalid conversion: '${word}'`);
  if (said.has('lcase') && said.has('ucase')) throw new Complaint('cannot combine lcase and ucase');
  return said;
}

/** A block as it is written. @param bs bytes of a whole one */
function converted(bytes: Uint8Array, convert: ReadonlySet<string>, bs: number): Uint8Array {
  const block = new Uint8Array(convert.has('sync') ? bs : bytes.length);
  block.set(bytes);
  if (convert.has('swab'))
    for (let i = 0; i + 1 < bytes.length; i += 2) [block[i], block[i + 1]] = [block[i + 1]!, block[i]!];
  const from = convert.has('ucase') ? 'a' : convert.has('lcase') ? 'A' : null;
  if (from !== null) {
    const first = from.charCodeAt(0);
    for (let i = 0; i < bytes.length; i++)
      if (block[i]! >= first && block[i]! < first + 26) block[i]! ^= 0x20;
  }
  return block;
}

/** Null for a block that cannot be read and is to be left out. */
type Read = (count: number) => Promise<Uint8Array | null>;
type Write = (bytes: Uint8Array) => Promise<void>;

/** Opens both ends, goes to where the copy begins, and closes them. */
async function ends(
  call: Call,
  words: Map<Word, string>,
  bs: number,
  convert: ReadonlySet<string>,
  work: (read: Read, write: Write) => Promise<number>,
): Promise<number> {
  const [from, to] = [words.get('if'), words.get('of')];
  const opened: OpenFile[] = [];
  const open = async (path: string, flags: number): Promise<OpenFile> => {
    try {
      const file = await call.files.open(path, flags);
      opened.push(file);
      return file;
    } catch (error) {
      throw error instanceof FileError ? new Complaint(`failed to open '${path}': ${error.words}`) : error;
    }
  };
  try {
    const source = from === undefined ? null : await open(from, O_RDONLY);
    const target = to === undefined ? null : await open(to, O_WRONLY);
    const [skip, seek] = [(sizeOf(words, 'skip') ?? 0) * bs, (sizeOf(words, 'seek') ?? 0) * bs];
    const whole: Read = source ? (count) => told('reading', source, source.some(count)) : blocks(call.in);
    const read = source !== null && convert.has('noerror') ? onwards(call, source, whole) : whole;
    if (skip > 0) await (source ? source.skip(skip) : read(skip));
    if (seek > 0) {
      if (!target) throw new Complaint("'standard output': cannot seek: Illegal seek");
      await target.seek(seek);
    }
    return await work(read, (bytes) =>
      target ? told('writing', target, target.write(bytes)) : call.out.write(bytes),
    );
  } finally {
    for (const file of opened) await file.close().catch(() => undefined);
  }
}

/** An error of a file in dd's words. */
function told<T>(what: string, { path }: OpenFile, call: Promise<T>): Promise<T> {
  return call.catch((error: unknown) => {
    throw error instanceof FileError ? new Complaint(`error ${what} '${path}': ${error.words}`) : error;
  });
}

/** Tells an error of reading and goes on behind the block; where the file does not seek, that is the end. */
function onwards({ complain }: Call, source: OpenFile, read: Read): Read {
  return async (count) => {
    try {
      return await read(count);
    } catch (error) {
      if (!(error instanceof Complaint)) throw error;
      await told('seeking', source, source.seek(count, SEEK_CUR)).catch(() => Promise.reject(error));
      await complain(error.message);
      return null;
    }
  };
}

/** Reads whole blocks of an input that comes in pieces of any size. */
function blocks(input: Input): Read {
  let rest = new Uint8Array();
  return async (count) => {
    const parts: Uint8Array[] = [];
    let got = 0;
    while (got < count) {
      if (rest.length === 0) {
        const piece = await input.read();
        if (piece === null) break;
        rest = new Uint8Array(piece);
      }
      const part = rest.subarray(0, count - got);
      parts.push(part);
      rest = rest.subarray(part.length);
      got += part.length;
    }
    const block = new Uint8Array(got);
    let at = 0;
    for (const part of parts) {
      block.set(part, at);
      at += part.length;
    }
    return block;
  };
}

function report({ in: input, out, bytes }: Tally, ms: number, status: string): string {
  if (status === 'none') return '';
  const records = `${input.join('+')} records in\n${out.join('+')} records out\n`;
  if (status === 'noxfer') return records;
  const human = bytes >= 1000 ? ` (${humanBytes(bytes)})` : '';
  const seconds = ms / 1000;
  const rate = seconds > 0 ? `${humanBytes(bytes / seconds)}/s` : 'Infinity B/s';
  return `${records}${bytes} byte${bytes === 1 ? '' : 's'}${human} copied, ${seconds.toPrecision(3)} s, ${rate}\n`;
}
