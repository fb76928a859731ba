// A Fault as the lines of a Linux oops, for the kernel's log. Each line fits a log record; recursion is folded, so that
// an exhausted stack fills no ring. ./saved-oops.ts reads the same lines again.
//
//   BUG: unreachable executed at drivers/lkdtm.ts:60:3
//   Oops: unreachable: 0000 [#1] SMP                           kind of trap; no engine gives an error code; count
//   CPU: 0 PID: 2 Comm: client1 Tainted: G           O      0.1.0 #1     a CPU is a thread; version; boot
//   RIP: 0010:lkdtm_BUG+0x1/0x3 [lkdtm]
//     at drivers/lkdtm.ts:60:3
//   RSP: 0018:00090000 MEMORY_BASE: 00090010 TABLE_BASE: 00000041       what wasm has for registers
//   Call Trace:
//    [<90000a31>] lkdtm_BUG+0x1/0x3 [lkdtm]  drivers/lkdtm.ts:60:3
//   Modules linked in: lkdtm(O) ramdisk [last unloaded: zero]
//   Text: lkdtm 90000000-90001d2c sha256:0123456789abcdef      where the trace's files lie, so that it can be decoded alone
//   ---[ end trace 8d1f3a5b7c9e0246 ]---                       the same for the same bug in the same files
//
// An address is its file's place in the text addresses (as /proc/kallsyms has them) + the instruction's offset in that file.
// Names come out of modules: in one of these lines they have neither spaces nor brackets, so that they forge nothing.

import { LOG_TEXT_MAX } from '../../kernel/abi/log.ts';
import { TAINT_LETTERS } from '../../kernel/abi/taint.ts';
import { VERSION } from '../../kernel/abi/version.ts';
import type { Fault, Frame } from './fault.ts';
import { FRAME_LIMIT } from './stack.ts';

/** A file whose code has text addresses. */
export interface TextFile {
  name: string;
  base: number;
  /** Bytes of the file. */
  size: number;
  /** Lower-case hexadecimal. */
  sha256: string;
}

export interface LinkedModule {
  name: string;
  /** Letters of the taints that it gave the kernel; `+` while it is loaded, `-` while it is unloaded. */
  flags: string;
}

export interface OopsContext {
  /** Counted from 1 since boot. */
  number: number;
  /** The thread, and the task whose call it was. */
  cpu: number;
  pid: number;
  comm: string;
  /** Taint letters in any order, empty where the kernel is clean. */
  taint: string;
  /** Counted from 1. */
  boot: number;
  modules: readonly LinkedModule[];
  lastUnloaded: string | null;
  /** Files whose text addresses are known. */
  texts: readonly TextFile[];
  /** Of the module that trapped; null where nobody could look. */
  registers: { stackPointer: number; memoryBase: number; tableBase: number } | null;
}

/** The lines of an oops, each at most LOG_TEXT_MAX bytes of UTF-8. */
export function formatOops(fault: Fault, context: OopsContext): string[] {
  const frames = fault.kind === 'host' ? fault.frames : fault.frames.filter(isWasm);
  return [
    causeOf(fault, frames[0]),
    `Oops: ${fault.kind}: 0000 [#${context.number}] SMP`,
    taskLine(context),
    ...placeLines(frames, context),
    ...traceLines(fault, frames, context),
    ...linkedIn(context),
    ...endLines(fault, frames, context),
  ].map(cut);
}

/**
 * The lines of a warning: what WARN leaves in the log.
 *
 * @param fault of an error made where the host was asked to warn; its message is the warning's text, which may be empty
 */
export function formatWarning(fault: Fault, context: OopsContext): string[] {
  const wasm = fault.frames.filter(isWasm);
  // What asked the host is of no interest.
  const asked = wasm.findIndex(({ module, function: name }) => !(isImage(module) && isWarn(name)));
  const frames = asked < 0 ? [] : wasm.slice(asked);
  const [at] = frames;
  const where = at === undefined ? '' : ` at ${at.source === null ? '' : `${sourceOf(at)} `}${symbolOf(at)}`;
  return [
    '------------[ cut here ]------------',
    ...(fault.message === '' ? [] : [fault.message]),
    `WARNING: CPU: ${context.cpu} PID: ${context.pid}${where}`,
    ...linkedIn(context),
    taskLine(context),
    ...placeLines(frames, context),
    ...traceLines(fault, frames, context),
    ...endLines(fault, frames, context),
  ].map(cut);
}

const isImage = (module: string | null): boolean => module === 'kernel' || module === 'domain';
const isWarn = (name: string | null): boolean => name === 'warn_slowpath' || name === 'warn';

function taskLine({ cpu, pid, comm, taint, boot }: OopsContext): string {
  return `CPU: ${cpu} PID: ${pid} Comm: ${token(comm)} ${printTainted(taint)} ${VERSION} #${boot}`;
}

function placeLines([innermost]: readonly Frame[], { registers }: OopsContext): string[] {
  const lines: string[] = [];
  if (innermost !== undefined) {
    lines.push(`RIP: 0010:${symbolOf(innermost)}`);
    if (innermost.source !== null) lines.push(`  at ${sourceOf(innermost)}`);
  }
  if (registers !== null) {
    const { stackPointer, memoryBase, tableBase } = registers;
    lines.push(
      `RSP: 0018:${hex8(stackPointer)} MEMORY_BASE: ${hex8(memoryBase)} TABLE_BASE: ${hex8(tableBase)}`,
    );
  }
  return lines;
}

function traceLines(fault: Fault, frames: Frame[], { texts }: OopsContext): string[] {
  if (frames.length === 0) return [];
  const lines = ['Call Trace:', ...fold(frames, byName(texts))];
  if (fault.frames.length >= FRAME_LIMIT) lines.push(` (only the innermost ${FRAME_LIMIT} frames are known)`);
  return lines;
}

function endLines(fault: Fault, frames: readonly Frame[], { texts }: OopsContext): string[] {
  const traced = new Set(frames.map(({ module }) => module));
  const lines = texts
    .filter(({ name }) => traced.has(name))
    .map(
      ({ name, base, size, sha256 }) =>
        `Text: ${token(name)} ${hex8(base)}-${hex8(base + size)} sha256:${sha256.slice(0, 16)}`,
    );
  return [...lines, `---[ end trace ${traceId(fault, frames, byName(texts))} ]---`];
}

const byName = (texts: readonly TextFile[]): ReadonlyMap<string, TextFile> =>
  new Map(texts.map((file) => [file.name, file]));

/** Linux's print_tainted: each letter at its place, `G` where `P` is not. */
export function printTainted(letters: string): string {
  if (letters === '') return 'Not tainted';
  const places = [...TAINT_LETTERS].map((letter) => (letters.includes(letter) ? letter : ' '));
  if (places[0] === ' ') places[0] = 'G';
  return `Tainted: ${places.join('')}`;
}

/** What Linux would have said of it; where an access missed is not told by any engine. */
function causeOf(fault: Fault, innermost: Frame | undefined): string {
  switch (fault.kind) {
    case 'unreachable':
      return `BUG: unreachable executed${innermost?.source ? ` at ${sourceOf(innermost)}` : ''}`;
    case 'memory out of bounds':
      return `BUG: unable to handle page fault: ${fault.message}`;
    case 'divide by zero':
    case 'integer overflow':
      return `divide error: ${fault.message}`;
    case 'stack exhausted':
      return `Thread overran stack: ${fault.message.replace(/^\w+: /, '')}`;
    default:
      return `BUG: ${fault.message}`;
  }
}

function isWasm(frame: Frame): boolean {
  return frame.module !== null || frame.index !== null;
}

function sourceOf({ source }: Frame): string {
  return source === null ? '' : `${token(source.file)}:${source.line}:${source.column}`;
}

/** A name as one word that no reader takes for something else. */
export function token(name: string): string {
  return name.replace(/[\s[\]\p{Cc}\p{Cf}]/gu, '?') || '?';
}

/** An address, as oopses and kallsyms write it. */
export const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** `ramdisk_write+0x1c/0x80` */
function placeOf(frame: Frame): string {
  const tail = ` [${frame.module ?? 'unnamed module'}]`;
  return frame.text.endsWith(tail) ? frame.text.slice(0, -tail.length) : frame.text;
}

/** `ramdisk_write+0x1c/0x80 [ramdisk]`; as in Linux the kernel's own functions are nobody's. */
function symbolOf(frame: Frame): string {
  if (!isWasm(frame)) return frame.text;
  const where = placeOf(frame);
  if (frame.module === 'kernel') return token(where);
  return `${token(where)} [${frame.module === null ? 'unnamed' : token(frame.module)}]`;
}

function addressOf(frame: Frame, texts: ReadonlyMap<string, TextFile>): number | null {
  const file = frame.module === null ? undefined : texts.get(frame.module);
  if (!file || frame.offset === null || frame.offset >= file.size) return null;
  // An offset that is not in its function is one in something else that was compiled.
  if (!/\+0x[0-9a-f]+\/0x[0-9a-f]+$/.test(placeOf(frame))) return null;
  return file.base + frame.offset;
}

/** The longest cycle of calls that is recognised as recursion. */
const LONGEST_CYCLE = 4;

/** One line a frame; where the same functions call each other again and again, one round and a count. */
function fold(frames: Frame[], texts: ReadonlyMap<string, TextFile>): string[] {
  const lines: string[] = [];
  let at = 0;
  while (at < frames.length) {
    const { cycle, repeats } = cycleAt(frames, at);
    for (const frame of frames.slice(at, at + cycle)) {
      const address = addressOf(frame, texts);
      const where = address === null ? '' : `[<${hex8(address)}>] `;
      const source = frame.source === null || !isWasm(frame) ? '' : `  ${sourceOf(frame)}`;
      lines.push(` ${where}${symbolOf(frame)}${source}`);
    }
    if (repeats > 0) lines.push(` ... ${repeats} more`);
    at += cycle + repeats;
  }
  return lines;
}

function cycleAt(frames: Frame[], at: number): { cycle: number; repeats: number } {
  for (let cycle = 1; cycle <= LONGEST_CYCLE; cycle++) {
    let repeats = 0;
    while (sameFunction(frames[at + cycle + repeats], frames[at + repeats])) repeats++;
    if (repeats >= Math.max(2, cycle)) return { cycle, repeats };
  }
  return { cycle: 1, repeats: 0 };
}

function sameFunction(a: Frame | undefined, b: Frame | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.module === b.module &&
    a.index === b.index &&
    a.function === b.function &&
    (a.index !== null || a.text === b.text)
  );
}

function linkedIn({ modules, lastUnloaded }: OopsContext): string[] {
  const words = modules.map(({ name, flags }) => `${token(name)}${flags === '' ? '' : `(${flags})`}`);
  if (lastUnloaded !== null) words.push(`[last unloaded: ${token(lastUnloaded)}]`);
  return wrap('Modules linked in:', words);
}

/** Lines that go on begin with two spaces. */
function wrap(head: string, words: string[]): string[] {
  const lines: string[] = [];
  let line = head;
  for (const word of words) {
    if (bytesOf(`${line} ${word}`) > LOG_TEXT_MAX) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** FNV-1a, 64 bits, over the kind and where each frame was in which file: names one bug. */
function traceId(fault: Fault, frames: readonly Frame[], texts: ReadonlyMap<string, TextFile>): string {
  let hash = 0xcbf29ce484222325n;
  const add = (text: string): void => {
    for (const byte of encoder.encode(`${text}\0`))
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  };
  add(fault.kind);
  for (const frame of frames) {
    add(frame.text);
    add(String(frame.offset));
    add(texts.get(frame.module ?? '')?.sha256 ?? '');
  }
  return hash.toString(16).padStart(16, '0');
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** At most LOG_TEXT_MAX bytes, never half a character. */
function cut(text: string): string {
  if (bytesOf(text) <= LOG_TEXT_MAX) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(LOG_TEXT_MAX - 3));
  return `${text.slice(0, read)}...`;
}
