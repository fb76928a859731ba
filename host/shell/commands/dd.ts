import { O_RDONLY, O_WRONLY } from '../../../kernel/abi/operation.ts';
import type { Call, Command } from '../command.ts';
import { Complaint, FileError, UsageError } from '../errors.ts';
import type { OpenFile } from '../files.ts';
import { throwIfInterrupted } from '../signal.ts';
import { print, type Input } from '../streams.ts';
import { humanBytes, parseSize } from './sizes.ts';
import { USER_SIZE } from '../../../kernel/abi/map.ts';

const WORDS = ['if', 'of', 'bs', 'count', 'skip', 'seek', 'status'] as const;
type Word = (typeof WORDS)[number];

export const dd: Command = {
  name: 'dd',
  summary: 'Copies blocks from one file to another',
  usage: '[if=FILE] [of=FILE] [bs=BYTES] [count=N] [skip=N] [seek=N] [status=none|noxfer]',
  details: `  if=FILE   read this (its input)        bs=BYTES  bytes a call (512), at most ${USER_SIZE}; K and M may follow
  of=FILE   write this (its output)      count=N   copy so many blocks
  skip=N    begin after so many blocks of the input
  seek=N    begin after so many blocks of the output
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
    return ends(call, words, bs, async (read, write) => {
      const tally: Tally = { in: [0, 0], out: [0, 0], bytes: 0 };
      const start = performance.now();
      let failed = 0;
      try {
        await copy(call, read, write, bs, sizeOf(words, 'count') ?? Infinity, tally);
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

type Read = (count: number) => Promise<Uint8Array>;
type Write = (bytes: Uint8Array) => Promise<void>;

/** Opens both ends, goes to where the copy begins, and closes them. */
async function ends(
  call: Call,
  words: Map<Word, string>,
  bs: number,
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
    const read: Read = source ? (count) => told('reading', source, source.some(count)) : blocks(call.in);
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

async function copy(
  { signal }: Call,
  read: Read,
  write: Write,
  bs: number,
  count: number,
  tally: Tally,
): Promise<void> {
  for (let block = 0; block < count; block++) {
    throwIfInterrupted(signal);
    const bytes = await read(bs);
    if (bytes.length === 0) return;
    tally.in[bytes.length === bs ? 0 : 1]++;
    await write(bytes);
    tally.out[bytes.length === bs ? 0 : 1]++;
    tally.bytes += bytes.length;
  }
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
