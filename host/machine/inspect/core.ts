// A core: what a driver was when it died, in one file. Schema isolab.core/2, packed by gzip and sealed by a SHA-256
// (./core-seal.ts):
//
//   0   "ISLCORE2"
//   8   u32, bytes of the header, little-endian
//   12  the header, JSON in UTF-8 (CoreHeader)
//   …   the pages of the memory that are not all zeros, 4 KiB each, in the order of header.pages
//
// What others write over soon is put down at the death (`autopsy`); the memory is packed when nothing can write to it any more
// (../supervisor/core-dumps.ts). Reading trusts nothing: a core may come from anywhere.

import type { Fault } from '../../domain/fault.ts';
import {
  CHANNEL_SIZE,
  K_RING,
  Q_ARGUMENT0,
  Q_ARGUMENT1,
  Q_GENERATION,
  Q_GRANT_ADDRESS,
  Q_GRANT_LENGTH,
  Q_HANDLE,
  Q_MINOR,
  Q_OPERATION,
  Q_POSITION,
  Q_SEQUENCE,
  R_GENERATION,
  R_SEQUENCE,
  R_STATUS,
  R_TAG,
  RING_HALF,
  RING_SLOTS,
  RING_STRIDE,
} from '../../../kernel/abi/channel.ts';
import { CHANNELS_BASE, PAGE_SIZE } from '../../../kernel/abi/map.ts';
import { VERMAGIC } from '../../../kernel/abi/version.ts';
import { damageOf, seal } from './core-seal.ts';
import { gunzip, gzip } from './gzip.ts';
import { readLog, readModules } from './lists.ts';
import { Memory } from '../shared/memory-view.ts';
import { nextTask } from '../shared/task.ts';
import type { DetectedBy, LogRecord, Placement } from '../shared/types.ts';

export const CORE_SCHEMA = 'isolab.core/2';
const MAGIC = 'ISLCORE2';
const HEAD = MAGIC.length + 4;
/** Lines of the log. */
const LOG_TAIL = 100;
/** Bytes that are read of a core, packed or not: a driver's memory has 16.5 MiB. */
const MOST = 1 << 26;
/** Pages between two turns of the event loop. */
const STRETCH = 256;

/** A request to the driver; `status` is null where it was not answered. */
export interface CoreMessage {
  sequence: number;
  operation: number;
  handle: number;
  minor: number;
  position: number;
  /** The range of the caller's memory that it granted. */
  address: number;
  length: number;
  arguments: [number, number];
  status: number | null;
}

export interface CoreModule {
  name: string;
  base: number;
  size: number;
  tableBase: number;
}

export interface CoreHeader {
  schema: typeof CORE_SCHEMA;
  driver: string;
  /** Of the file that was loaded. */
  sha256: string;
  generation: number;
  placement: Placement;
  boot: number;
  /** When it died, as toISOString has it. */
  time: string;
  by: DetectedBy;
  fault: Fault | null;
  /** The lines of its oops, none where there was no trap. */
  oops: string[];
  /** What kernel it ran on. */
  vermagic: string;
  /** The modules of its domain. */
  modules: CoreModule[];
  /** The last requests, oldest first. */
  messages: CoreMessage[];
  /** The end of the log before the death. */
  log: LogRecord[];
  /** Bytes of the memory. */
  memory: number;
  /** Runs of pages that follow: the first one's number, how many. */
  pages: [number, number][];
}

export interface CoreSubject extends Pick<
  CoreHeader,
  'driver' | 'sha256' | 'generation' | 'placement' | 'boot' | 'by' | 'fault'
> {
  kernel: WebAssembly.Memory;
  memory: WebAssembly.Memory;
  channel: number;
  /** The channel's generation under which it ran. */
  incarnation: number;
}

/** What is known of a driver in the moment of its death: all of the header but its oops and which pages there are. */
export type CoreSnapshot = Omit<CoreHeader, 'pages' | 'oops'>;

export function snapshotForCore(subject: CoreSubject): CoreSnapshot {
  const { kernel, memory, channel, incarnation, ...told } = subject;
  return {
    ...{ schema: CORE_SCHEMA, time: new Date().toISOString(), vermagic: VERMAGIC, ...told },
    modules: readModules(memory).map(({ name, base, size, tableBase }) => ({ name, base, size, tableBase })),
    messages: readMessages(new Memory(kernel), channel, incarnation),
    log: readLog(kernel).records.slice(-LOG_TAIL),
    memory: memory.buffer.byteLength,
  };
}

/** Makes the core; nobody writes to the memory meanwhile. Leaves the thread to others every so often. */
export async function packCore(
  known: CoreSnapshot,
  oops: string[],
  memory: WebAssembly.Memory,
): Promise<Uint8Array<ArrayBuffer>> {
  const header: CoreHeader = { ...known, oops, pages: await usedPages(memory) };
  return seal(await gzip(contents(header, new Uint8Array(memory.buffer))));
}

function* contents(header: CoreHeader, memory: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(HEAD + json.length);
  head.set(new TextEncoder().encode(MAGIC));
  new DataView(head.buffer).setUint32(MAGIC.length, json.length, true);
  head.set(json, HEAD);
  yield head;
  for (const [first, run] of header.pages) {
    for (let page = first; page < first + run; page += STRETCH) {
      const end = Math.min(page + STRETCH, first + run);
      yield new Uint8Array(memory.subarray(page * PAGE_SIZE, end * PAGE_SIZE));
    }
  }
}

async function usedPages(memory: WebAssembly.Memory): Promise<[number, number][]> {
  const words = new BigUint64Array(memory.buffer);
  const perPage = PAGE_SIZE / 8;
  const runs: [number, number][] = [];
  for (let page = 0; page * perPage < words.length; page++) {
    if (page % STRETCH === 0) await nextTask();
    const end = (page + 1) * perPage;
    let at = page * perPage;
    while (at < end && words[at] === 0n) at++;
    if (at === end) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === page) last[1]++;
    else runs.push([page, 1]);
  }
  return runs;
}

/** The channel's rings hold the last submissions and completions. */
function readMessages(kernel: Memory, channel: number, incarnation: number): CoreMessage[] {
  const ring = kernel.u32(CHANNELS_BASE + channel * CHANNEL_SIZE + K_RING);
  if (ring === 0) return [];
  const slots = Array.from({ length: RING_SLOTS }, (_, slot) => ring + slot * RING_STRIDE);
  const answers = new Map<number, number>();
  for (const at of slots.map((slot) => slot + RING_HALF)) {
    if (kernel.u32(at + R_SEQUENCE) !== 0 && kernel.u32(at + R_GENERATION) === incarnation)
      answers.set(kernel.u32(at + R_TAG), kernel.u32(at + R_STATUS) | 0);
  }
  const asked = slots.filter(
    (at) => kernel.u32(at + Q_SEQUENCE) !== 0 && kernel.u32(at + Q_GENERATION) === incarnation,
  );
  const messages = asked.map((at): CoreMessage => {
    const sequence = kernel.u32(at + Q_SEQUENCE);
    return {
      sequence,
      operation: kernel.u32(at + Q_OPERATION),
      handle: kernel.u32(at + Q_HANDLE),
      minor: kernel.u32(at + Q_MINOR),
      position: kernel.u32(at + Q_POSITION) + (kernel.u32(at + Q_POSITION + 4) | 0) * 0x100000000,
      address: kernel.u32(at + Q_GRANT_ADDRESS),
      length: kernel.u32(at + Q_GRANT_LENGTH),
      arguments: [kernel.u32(at + Q_ARGUMENT0), kernel.u32(at + Q_ARGUMENT1)],
      status: answers.get(sequence) ?? null,
    };
  });
  return messages.sort((a, b) => a.sequence - b.sequence);
}

/** Why a file is no core. */
export class BadCore extends Error {
  override readonly name = 'BadCore';
}

export class Core {
  readonly header: CoreHeader;
  private readonly pages: Uint8Array;

  /** Reads a core; rejects with BadCore. */
  static async read(packed: Uint8Array<ArrayBuffer>): Promise<Core> {
    const damage = await damageOf(packed);
    if (damage !== null) throw new BadCore(damage);
    let bytes: Uint8Array;
    try {
      bytes = await gunzip(packed, MOST);
    } catch (error) {
      throw new BadCore(`it cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`);
    }
    return new Core(bytes);
  }

  private constructor(bytes: Uint8Array) {
    if (new TextDecoder().decode(bytes.slice(0, MAGIC.length)) !== MAGIC)
      throw new BadCore('it does not begin as a core does');
    if (bytes.length < HEAD) throw new BadCore(`it ends after ${bytes.length} bytes`);
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
    if (HEAD + length > bytes.length)
      throw new BadCore(`its header has ${length} bytes, of which ${bytes.length - HEAD} are there`);
    this.header = headerOf(new TextDecoder().decode(bytes.slice(HEAD, HEAD + length)));
    this.pages = bytes.subarray(HEAD + length);
    const wanted = this.header.pages.reduce((sum, [, run]) => sum + run, 0) * PAGE_SIZE;
    if (this.pages.length !== wanted)
      throw new BadCore(`its memory has ${wanted} bytes, of which ${this.pages.length} are there`);
  }

  /** Bytes of the memory; pages that are not in the core were zeros. Throws RangeError beyond its end. */
  read(address: number, length: number): Uint8Array {
    const { memory, pages } = this.header;
    if (address + length > memory) throw new RangeError(`the memory has ${memory} bytes`);
    const out = new Uint8Array(length);
    let at = 0;
    for (const [first, run] of pages) {
      const start = Math.max(first * PAGE_SIZE, address);
      const end = Math.min((first + run) * PAGE_SIZE, address + length);
      if (start < end) {
        const from = at + start - first * PAGE_SIZE;
        out.set(this.pages.subarray(from, from + end - start), start - address);
      }
      at += run * PAGE_SIZE;
    }
    return out;
  }
}

function headerOf(text: string): CoreHeader {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadCore('its header is no JSON');
  }
  if (!isRecord(json)) throw new BadCore('its header is no object');
  if (json['schema'] !== CORE_SCHEMA)
    throw new BadCore(`its schema is not ${CORE_SCHEMA}: ${String(json['schema'])}`);
  const wrong = Object.entries(FIELDS).find(([field, is]) => !is(json[field]));
  if (wrong) throw new BadCore(`its header has no good ${wrong[0]}`);
  const header = json as unknown as CoreHeader;
  let end = 0;
  for (const [first, run] of header.pages) {
    if (first < end) throw new BadCore('its pages are not in order');
    end = first + run;
  }
  if (end * PAGE_SIZE > header.memory) throw new BadCore('its pages are more than its memory');
  return header;
}

type Check = (value: unknown) => boolean;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isWhole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isList =
  (is: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(is);
const hasFields =
  (fields: Record<string, Check>): Check =>
  (value) =>
    isRecord(value) && Object.entries(fields).every(([field, is]) => is(value[field]));
const isPair: Check = (value) => isList(isWhole)(value) && (value as unknown[]).length === 2;

/** What those who read a header rely on. */
const FIELDS: Record<string, Check> = {
  ...{ driver: isText, sha256: isText, placement: isText, time: isText, by: isText, vermagic: isText },
  ...{ generation: isWhole, boot: isWhole, memory: isWhole, oops: isList(isText), pages: isList(isPair) },
  fault: (value) => value === null || hasFields({ kind: isText })(value),
  modules: isList(hasFields({ name: isText, base: isWhole, size: isWhole, tableBase: isWhole })),
  log: isList(hasFields({ time: isNumber, level: isWhole, text: isText })),
  messages: isList(
    hasFields({
      ...{ sequence: isWhole, operation: isWhole, handle: isWhole, minor: isWhole, position: isNumber },
      ...{ address: isWhole, length: isWhole, arguments: isPair },
      status: (value) => value === null || isNumber(value),
    }),
  ),
};
