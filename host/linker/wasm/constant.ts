// Constant expressions: the initial values of globals and the offsets of segments.
//
// Understood are single constants and the extended form that position-independent code needs, a global and a number added.

import { BadModule, type ByteReader } from './bytes.ts';
import { OP } from './opcodes.ts';

/** A constant expression: `value` + global `base`, or the raw bytes of a constant that is no i32. */
export interface Constant {
  opcode: number;
  /** i32 constant or addend. */
  value: number;
  /** Index of a global that is added, or -1. */
  base: number;
  /** The expression's bytes, without its end. */
  start: number;
  end: number;
}

/** Reads an expression with its end. */
export function readConstant(reader: ByteReader): Constant {
  const start = reader.position;
  const opcode = reader.u8();
  const result: Constant = { opcode, value: 0, base: -1, start, end: start };
  if (opcode === OP.i32Const) result.value = reader.s32();
  else if (opcode === OP.i64Const) reader.skipLeb();
  else if (opcode === OP.f32Const) reader.skip(4);
  else if (opcode === OP.f64Const) reader.skip(8);
  else if (opcode === OP.globalGet) result.base = reader.u32();
  else if (opcode === OP.refFunc) result.value = reader.u32();
  else if (opcode === OP.refNull) reader.s32();
  else if (opcode === OP.simd && reader.u32() === 12) reader.skip(16);
  else throw new BadModule(`unknown constant 0x${opcode.toString(16)} at byte ${start}`);
  result.end = reader.position;
  if (reader.u8() === OP.end) return result;
  // the extended form: a global and a number, added
  reader.position = result.end;
  const second = reader.u8();
  if (opcode === OP.i32Const && second === OP.globalGet) result.base = reader.u32();
  else if (opcode === OP.globalGet && second === OP.i32Const) result.value = reader.s32();
  else throw new BadModule(`unknown constant expression at byte ${start}`);
  if (reader.u8() !== OP.i32Add) throw new BadModule(`unknown constant expression at byte ${start}`);
  result.end = reader.position;
  if (reader.u8() !== OP.end) throw new BadModule(`unknown constant expression at byte ${start}`);
  return result;
}

/** Writes a constant expression's value as memory holds it. */
export function storeConstant(image: Uint8Array, at: number, expression: Uint8Array): void {
  const [opcode = 0] = expression;
  if (opcode === OP.i32Const || opcode === OP.i64Const) {
    let value = 0n;
    let shift = 0n;
    for (let i = 1; i < expression.length; i++, shift += 7n) value |= BigInt(expression[i]! & 0x7f) << shift;
    if (expression[expression.length - 1]! & 0x40) value |= -1n << shift;
    const view = new DataView(image.buffer, image.byteOffset);
    if (opcode === OP.i32Const) view.setInt32(at, Number(BigInt.asIntN(32, value)), true);
    else view.setBigInt64(at, BigInt.asIntN(64, value), true);
  } else {
    // f32, f64 and v128 stand in the file as they do in memory, behind their opcode
    image.set(expression.subarray(opcode === OP.simd ? 2 : 1), at);
  }
}
