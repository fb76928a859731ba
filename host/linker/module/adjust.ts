// What the loader changes in a stranger's file before it is compiled. The file itself, its hash and its offsets stay what
// they are: every place in what was compiled can be told as a place in the file.
//
// Two things are changed, everything else is byte for byte the file's:
//   the memory import   a C compiler's is neither shared nor bounded; a shared memory fits neither (and a maximum below
//                       the memory's does not fit either), so it becomes `shared, maximum 65536`, as our own modules say
//   the module's name   engines show the one in the name section in a stack, and a frame is told apart by nothing else;
//                       lld writes none, or its output file's

import { BadModule, ByteReader, ByteWriter } from '../wasm/bytes.ts';
import type { ModuleFile } from './module-file.ts';
import { readNames } from '../wasm/names.ts';
import { readSections, type Sections, type Span } from '../wasm/sections.ts';

export const MAX_PAGES = 65536;

/** From byte `at` of what was compiled on, everything lies `by` bytes further than in the file. */
export interface Shift {
  at: number;
  by: number;
}

export interface Adjusted {
  bytes: Uint8Array<ArrayBuffer>;
  /** Ascending; empty where nothing was changed. */
  shifts: readonly Shift[];
}

interface Edit extends Span {
  bytes: Uint8Array;
}

/** A length, in as many bytes as it had before where it fits into them: most tools write five. */
function lengthBytes(length: number, before: Span): Uint8Array {
  const out = new ByteWriter();
  let rest = length;
  for (let left = before.end - before.start; left > 1 || rest >= 0x80; left--) {
    out.u8((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return out.u8(rest).bytes();
}

function memoryEdits(sections: Sections): Edit[] {
  const memory = sections.imports.find((entry) => entry.kind === 'memory');
  if (memory?.kind !== 'memory') return [];
  const { shared, maximum, minimum } = memory.limits;
  if (shared && maximum === MAX_PAGES) return [];
  const { memoryLimits: place, importsLength } = sections;
  const bytes = new ByteWriter().u8(3).u32(minimum).u32(MAX_PAGES).bytes();
  const content = new ByteReader(sections.bytes, importsLength.start).u32();
  const grown = content + bytes.length - (place.end - place.start);
  return [
    { ...importsLength, bytes: lengthBytes(grown, importsLength) },
    { ...place, bytes },
  ];
}

const MODULE_NAME = 0;

/** The end of a name section's own name where it has one; of all of it where it is damaged. */
function firstEnd(bytes: Uint8Array, { start, end }: Span): number {
  const reader = new ByteReader(bytes, start, end);
  try {
    if (reader.done || reader.u8() !== MODULE_NAME) return start;
    reader.skip(reader.u32());
    return reader.position;
  } catch (error) {
    if (!(error instanceof BadModule)) throw error;
    return end;
  }
}

function nameEdits(sections: Sections, name: string): Edit[] {
  const subsection = new ByteWriter().u8(MODULE_NAME);
  subsection.block((part) => part.text(name));
  const found = sections.custom.find((section) => section.name === 'name');
  if (!found) {
    const { length } = sections.bytes;
    const section = new ByteWriter().u8(0);
    section.block((part) => part.text('name').raw(subsection.bytes()));
    return [{ start: length, end: length, bytes: section.bytes() }];
  }
  if (readNames(sections.bytes, found.start, found.end).module === name) return [];
  const before: Span = { start: found.start, end: firstEnd(sections.bytes, found) };
  const content = found.end - found.length.end;
  const grown = content + subsection.length - (before.end - before.start);
  return [
    { ...found.length, bytes: lengthBytes(grown, found.length) },
    { ...before, bytes: subsection.bytes() },
  ];
}

/** Whether a file can be compiled as it is: then nothing has to be read again. */
function fits(file: ModuleFile, name: string): boolean {
  const memory = file.imports.find((entry) => entry.kind === 'memory');
  return (
    file.shownName === name &&
    (memory?.kind !== 'memory' || (memory.limits.shared && memory.limits.maximum === MAX_PAGES))
  );
}

/**
 * What is to be compiled in a file's place; the file's own bytes where it fits as it is.
 *
 * @param file what readModule has read in the bytes
 * @param name what the module goes by
 */
export function adjustModule(bytes: Uint8Array<ArrayBuffer>, file: ModuleFile, name: string): Adjusted {
  if (fits(file, name)) return { bytes, shifts: [] };
  const sections = readSections(bytes);
  const edits = [...memoryEdits(sections), ...nameEdits(sections, name)].sort((a, b) => a.start - b.start);
  const out = new ByteWriter();
  const shifts: Shift[] = [];
  let from = 0;
  for (const edit of edits) {
    out.raw(bytes.subarray(from, edit.start)).raw(edit.bytes);
    from = edit.end;
    shifts.push({ at: out.length, by: out.length - from });
  }
  return { bytes: out.raw(bytes.subarray(from)).bytes().slice(), shifts };
}

/** Where a byte of what was compiled lies in the file. */
export function fileOffset(shifts: readonly Shift[], offset: number): number {
  const before = shifts.findLast(({ at }) => at <= offset);
  return offset - (before?.by ?? 0);
}
