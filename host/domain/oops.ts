// A Fault as the lines of a Linux oops, for the kernel's log. Each line fits a log record; recursion is folded, so that
// an exhausted stack fills no ring.

import { LOG_TEXT_MAX } from '../../kernel/abi/log.ts';
import type { Fault, Frame } from './fault.ts';
import { FRAME_LIMIT } from './stack.ts';

export interface OopsContext {
  /** Counted from 1 since boot. */
  number: number;
  /** Whose call it was: the client's name. */
  comm: string;
  /** Taint letters, empty where the kernel is clean. */
  taint: string;
  /** Names of the loaded modules. */
  modules: string[];
}

/** The lines of an oops, each at most LOG_TEXT_MAX bytes of UTF-8. */
export function formatOops(fault: Fault, context: OopsContext): string[] {
  const frames = fault.kind === 'host' ? fault.frames : fault.frames.filter(isWasm);
  const innermost = frames[0];
  const lines = [
    `BUG: ${fault.message}`,
    `Oops: ${fault.kind} [#${context.number}]`,
    `Comm: ${context.comm} ${context.taint === '' ? 'Not tainted' : `Tainted: ${context.taint}`}`,
  ];
  if (innermost !== undefined) {
    lines.push(`RIP: ${innermost.text}`);
    if (innermost.source !== null) lines.push(`  at ${sourceOf(innermost)}`);
    lines.push('Call Trace:', ...fold(frames));
    if (fault.frames.length >= FRAME_LIMIT)
      lines.push(` (only the innermost ${FRAME_LIMIT} frames are known)`);
  }
  lines.push(...wrap('Modules linked in:', context.modules), `---[ end trace ${fault.module ?? 'host'} ]---`);
  return lines.map(cut);
}

function isWasm(frame: Frame): boolean {
  return frame.module !== null || frame.index !== null;
}

function sourceOf(frame: Frame): string {
  const source = frame.source;
  return source === null ? '' : `${source.file}:${source.line}:${source.column}`;
}

/** The longest cycle of calls that is recognised as recursion. */
const LONGEST_CYCLE = 4;

/** One line a frame; where the same functions call each other again and again, one round and a count. */
function fold(frames: Frame[]): string[] {
  const lines: string[] = [];
  let at = 0;
  while (at < frames.length) {
    const { cycle, repeats } = cycleAt(frames, at);
    for (const frame of frames.slice(at, at + cycle)) {
      lines.push(
        frame.source === null || !isWasm(frame) ? ` ${frame.text}` : ` ${frame.text} ${sourceOf(frame)}`,
      );
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
