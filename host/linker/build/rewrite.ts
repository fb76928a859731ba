// Makes the code of a build position-independent.
//
//   i32.const ADDRESS    →  global.get base, i32.const offset, i32.add      (a following load takes the offset instead)
//   global.get MUTABLE   →  global.get __memory_base, load offset
//   global.set MUTABLE   →  local.set t, global.get __memory_base, local.get t, store offset
//   global.get CONSTANT  →  the constant, or base and offset
//
// Function, type and label indices stay as they are. Every piece of code that moves leaves a mark (old position, new
// position), from which the source map is composed.

import { ByteReader, ByteWriter } from '../wasm/bytes.ts';
import type { Address, Relocation } from './differ.ts';
import { InstructionCursor, skipLocals } from '../wasm/instructions.ts';
import type { Layout } from './layout.ts';
import { ACCESS, OP, isLoad } from '../wasm/opcodes.ts';
import { importedCount, signatureOf, type Sections } from '../wasm/sections.ts';

/** Indices of the two bases among the new file's globals. */
export interface BaseGlobals {
  memory: number;
  table: number;
}

export interface Mark {
  from: number;
  to: number;
}

export interface RewrittenBody {
  bytes: Uint8Array;
  /** `from` in asc's file, `to` from the start of the body. */
  marks: Mark[];
}

/** Puts the base and adds an offset to it. */
export function pushAddress(to: ByteWriter, address: Address, bases: BaseGlobals): void {
  to.u8(OP.globalGet).u32(bases[address.space]);
  if (address.offset !== 0) to.u8(OP.i32Const).s32(address.offset).u8(OP.i32Add);
}

class BodyRewriter {
  private readonly out = new ByteWriter();
  private readonly marks: Mark[] = [];
  /** Scratch locals by type. */
  private readonly scratch = new Map<number, number>();
  /** A memory address that waits for the instruction behind it. */
  private pending: { offset: number; at: number } | null = null;
  private copied: number;
  private readonly cursor: InstructionCursor;
  private readonly sections: Sections;
  private readonly layout: Layout;
  private readonly bases: BaseGlobals;
  private readonly firstLocal: number;
  private readonly imported: number;

  constructor(
    sections: Sections,
    layout: Layout,
    bases: BaseGlobals,
    start: number,
    end: number,
    firstLocal: number,
  ) {
    this.sections = sections;
    this.layout = layout;
    this.bases = bases;
    this.firstLocal = firstLocal;
    this.imported = importedCount(sections, 'global');
    this.copied = start;
    this.cursor = new InstructionCursor(sections.bytes, start, end);
  }

  /** Rewrites the instructions; `relocations` are those of this body, in order. */
  run(relocations: readonly Relocation[]): { code: Uint8Array; marks: Mark[]; scratch: number[] } {
    let next = 0;
    const { cursor } = this;
    while (cursor.step()) {
      const relocation = relocations[next]?.at === cursor.start ? relocations[next++]! : null;
      if (this.pending && isLoad(cursor.opcode)) this.foldedLoad(this.pending);
      else {
        this.flushPending();
        if (relocation) this.address(relocation, this.layout.shift);
        else if (cursor.opcode === OP.globalGet) this.globalGet(cursor.value);
        else if (cursor.opcode === OP.globalSet) this.globalSet(cursor.value);
      }
    }
    this.copyTo(cursor.next);
    return { code: this.out.bytes(), marks: this.marks, scratch: [...this.scratch.keys()] };
  }

  /** Copies everything up to a position as it is. */
  private copyTo(position: number): void {
    if (position > this.copied) {
      this.marks.push({ from: this.copied, to: this.out.length });
      this.out.raw(this.sections.bytes.subarray(this.copied, position));
    }
    this.copied = position;
  }

  /** Leaves the current instruction out; what is written next stands for it. */
  private replace(): void {
    this.copyTo(this.cursor.start);
    this.marks.push({ from: this.cursor.start, to: this.out.length });
    this.copied = this.cursor.next;
  }

  private flushPending(): void {
    if (!this.pending) return;
    pushAddress(this.out, { space: 'memory', offset: this.pending.offset }, this.bases);
    this.pending = null;
  }

  private address(address: Address, shift: number): void {
    this.replace();
    if (address.space === 'table') pushAddress(this.out, address, this.bases);
    else this.pending = { offset: address.offset + shift, at: this.cursor.start };
  }

  private foldedLoad(pending: { offset: number }): void {
    const { cursor, out } = this;
    const offset = pending.offset + cursor.value;
    if (pending.offset < 0 || offset > 0x7fffffff || cursor.align & 0x40) {
      this.flushPending();
      return;
    }
    this.pending = null;
    out.u8(OP.globalGet).u32(this.bases.memory);
    this.replace();
    out.u8(cursor.opcode).u32(cursor.align).u32(offset);
  }

  private globalGet(index: number): void {
    const place = this.layout.globals[index]!;
    const { out } = this;
    if (place.kind === 'imported') return;
    if (place.kind === 'address') {
      this.address(place.address, 0);
      return;
    }
    this.replace();
    if (place.kind === 'constant') out.raw(this.sections.bytes.subarray(place.start, place.end));
    else if (place.kind === 'kept') out.u8(OP.globalGet).u32(this.keptIndex(place.place));
    else {
      const access = ACCESS.get(place.type)!;
      out.u8(OP.globalGet).u32(this.bases.memory);
      for (const byte of access.load) out.u8(byte);
      out.u32(access.align).u32(place.offset);
    }
  }

  private globalSet(index: number): void {
    const place = this.layout.globals[index]!;
    const { out } = this;
    if (place.kind === 'imported') return;
    this.replace();
    if (place.kind === 'kept') out.u8(OP.globalSet).u32(this.keptIndex(place.place));
    else if (place.kind === 'moved') {
      const access = ACCESS.get(place.type)!;
      const local = this.scratchLocal(place.type);
      out.u8(OP.localSet).u32(local);
      out.u8(OP.globalGet).u32(this.bases.memory);
      out.u8(OP.localGet).u32(local);
      for (const byte of access.store) out.u8(byte);
      out.u32(access.align).u32(place.offset);
    }
  }

  /** Own globals come behind the imported ones and the two bases. */
  private keptIndex(place: number): number {
    return this.imported + 2 + place;
  }

  private scratchLocal(type: number): number {
    let place = this.scratch.get(type);
    if (place === undefined) {
      place = this.scratch.size;
      this.scratch.set(type, place);
    }
    return this.firstLocal + place;
  }
}

/** Rewrites the body of the own function `index`. */
export function rewriteBody(
  sections: Sections,
  index: number,
  relocations: readonly Relocation[],
  layout: Layout,
  bases: BaseGlobals,
): RewrittenBody {
  const { start, end } = sections.bodies[index]!;
  const signature = signatureOf(sections, importedCount(sections, 'function') + index)!;
  const reader = new ByteReader(sections.bytes, start, end);
  let locals = signature.parameters.length;
  const groups = reader.count(2);
  const groupsStart = reader.position;
  for (let left = groups; left > 0; left--) {
    locals += reader.u32();
    reader.u8();
  }
  const codeStart = skipLocals(sections.bytes, start, end);
  const rewriter = new BodyRewriter(sections, layout, bases, codeStart, end, locals);
  const { code, marks, scratch } = rewriter.run(relocations);
  const out = new ByteWriter();
  out.u32(groups + scratch.length).raw(sections.bytes.subarray(groupsStart, codeStart));
  for (const type of scratch) out.u32(1).u8(type);
  const header = out.length;
  out.raw(code);
  return {
    bytes: out.bytes(),
    marks: [{ from: start, to: 0 }, ...marks.map(({ from, to }) => ({ from, to: to + header }))],
  };
}
