// Walks a function's code instruction by instruction.
//
// A cursor knows where the immediates of every instruction end, and says of which kind they are; it does not check
// types. An instruction it does not know is a BadModule: guessing a length would make the rest of the body nonsense.

import { BadModule, ByteReader } from './bytes.ts';
import { OP } from './opcodes.ts';

/** What follows an opcode. */
export type Immediates =
  | 'none'
  | 'index' // one unsigned number
  | 'indices' // two unsigned numbers
  | 'block' // a block type
  | 'memory' // alignment and offset of a memory access
  | 'lane' // the same, and a lane
  | 'table' // br_table
  | 'types' // select with types
  | 'i32'
  | 'i64'
  | 'bytes' // as many as `fixed` says
  | 'heap'; // a heap type

const PLAIN = new Array<Immediates | undefined>(256);
function range(from: number, to: number, kind: Immediates): void {
  for (let opcode = from; opcode <= to; opcode++) PLAIN[opcode] = kind;
}
range(0x00, 0x01, 'none'); // unreachable, nop
range(0x02, 0x04, 'block'); // block, loop, if
range(0x05, 0x05, 'none'); // else
range(0x0b, 0x0b, 'none'); // end
range(0x0c, 0x0d, 'index'); // br, br_if
PLAIN[0x0e] = 'table';
PLAIN[0x0f] = 'none'; // return
PLAIN[0x10] = 'index'; // call
PLAIN[0x11] = 'indices'; // call_indirect
PLAIN[0x12] = 'index'; // return_call
PLAIN[0x13] = 'indices'; // return_call_indirect
range(0x1a, 0x1b, 'none'); // drop, select
PLAIN[0x1c] = 'types';
range(0x20, 0x26, 'index'); // local.*, global.*, table.get, table.set
range(0x28, 0x3e, 'memory');
range(0x3f, 0x40, 'index'); // memory.size, memory.grow
PLAIN[0x41] = 'i32';
PLAIN[0x42] = 'i64';
range(0x43, 0x44, 'bytes'); // f32.const, f64.const
range(0x45, 0xc4, 'none');
PLAIN[0xd0] = 'heap'; // ref.null
PLAIN[0xd1] = 'none'; // ref.is_null
PLAIN[0xd2] = 'index'; // ref.func

/** Immediates of the 0xFC instructions: saturating conversions, bulk memory and tables. */
function numeric(code: number): Immediates | undefined {
  if (code <= 7) return 'none';
  if (code === 8 || code === 10 || code === 12 || code === 14) return 'indices';
  return code <= 17 ? 'index' : undefined;
}

/** Immediates of the 0xFD instructions: SIMD. */
function simd(code: number): Immediates | undefined {
  if (code <= 11 || code === 92 || code === 93) return 'memory';
  if (code <= 13 || (code >= 21 && code <= 34)) return 'bytes';
  if (code >= 84 && code <= 91) return 'lane';
  return code <= 0x114 ? 'none' : undefined;
}

/** Immediates of the 0xFE instructions: threads. */
function atomic(code: number): Immediates | undefined {
  if (code === 3) return 'bytes'; // atomic.fence
  return code <= 2 || (code >= 0x10 && code <= 0x4e) ? 'memory' : undefined;
}

export class InstructionCursor {
  private readonly reader: ByteReader;
  /** Where the instruction starts, where its immediates start, where the next one starts. */
  start = 0;
  immediates = 0;
  next = 0;
  opcode = 0;
  /** The second part of a prefixed opcode, else 0. */
  code = 0;
  kind: Immediates = 'none';
  /** The value of an i32.const, the first number of an index, the offset of a memory access. */
  value = 0;
  /** log2 of a memory access' alignment. */
  align = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.reader = new ByteReader(bytes, start, end);
  }

  /** Steps to the next instruction; false at the end of the body. */
  step(): boolean {
    const reader = this.reader;
    if (reader.done) return false;
    this.start = reader.position;
    this.opcode = reader.u8();
    this.code = 0;
    let kind = PLAIN[this.opcode];
    if (this.opcode >= OP.numeric && this.opcode <= OP.atomic) {
      this.code = reader.u32();
      kind =
        this.opcode === OP.numeric
          ? numeric(this.code)
          : this.opcode === OP.simd
            ? simd(this.code)
            : atomic(this.code);
    }
    if (!kind) {
      const name = this.opcode.toString(16) + (this.code ? ` ${this.code.toString(16)}` : '');
      throw new BadModule(`unknown instruction 0x${name} at byte ${this.start}`);
    }
    this.kind = kind;
    this.immediates = reader.position;
    this.pass(reader, kind);
    this.next = reader.position;
    return true;
  }

  private pass(reader: ByteReader, kind: Immediates): void {
    switch (kind) {
      case 'none':
        return;
      case 'index':
        this.value = reader.u32();
        return;
      case 'indices':
        this.value = reader.u32();
        reader.u32();
        return;
      case 'block':
        reader.s32();
        return;
      case 'memory':
        this.memoryAccess(reader);
        return;
      case 'lane':
        this.memoryAccess(reader);
        reader.u8();
        return;
      case 'table':
        for (let count = reader.count() + 1; count > 0; count--) reader.u32();
        return;
      case 'types':
        for (let count = reader.count(); count > 0; count--) reader.u8();
        return;
      case 'i32':
        this.value = reader.s32();
        return;
      case 'i64':
        reader.skipLeb();
        return;
      case 'bytes':
        reader.skip(this.fixed());
        return;
      case 'heap':
        reader.s32();
        return;
    }
  }

  private memoryAccess(reader: ByteReader): void {
    this.align = reader.u32();
    if (this.align & 0x40) reader.u32(); // index of a memory
    this.value = reader.u32();
  }

  /** Length of immediates that do not depend on their bytes. */
  private fixed(): number {
    if (this.opcode === OP.f32Const) return 4;
    if (this.opcode === OP.f64Const) return 8;
    if (this.opcode === OP.simd) return this.code === 12 || this.code === 13 ? 16 : 1;
    return 1;
  }
}

/** Where a body's instructions start: behind its local declarations. */
export function skipLocals(bytes: Uint8Array, start: number, end: number): number {
  const reader = new ByteReader(bytes, start, end);
  for (let groups = reader.count(2); groups > 0; groups--) {
    reader.u32();
    reader.u8();
  }
  return reader.position;
}
