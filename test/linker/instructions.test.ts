// The instruction walker: every kind of immediates ends where the next instruction starts.

import { describe, expect, test } from 'vitest';
import { BadModule, ByteReader, ByteWriter } from '../../host/linker/wasm/bytes.ts';
import { InstructionCursor, skipLocals } from '../../host/linker/wasm/instructions.ts';

/** Lengths of the instructions in some bytes. */
function lengths(bytes: number[]): number[] {
  const cursor = new InstructionCursor(Uint8Array.from(bytes), 0, bytes.length);
  const found: number[] = [];
  while (cursor.step()) found.push(cursor.next - cursor.start);
  return found;
}

test.each<[string, number[]]>([
  ['unreachable', [0x00]],
  ['block with a type', [0x02, 0x40]],
  ['block with a type index', [0x02, 0x85, 0x01]],
  ['br', [0x0c, 0x83, 0x00]],
  ['br_table', [0x0e, 3, 1, 0x82, 0x01, 0, 4]],
  ['call', [0x10, 0xff, 0xff, 0x03]],
  ['call_indirect', [0x11, 0x85, 0x00, 0]],
  ['return_call', [0x12, 5]],
  ['select with types', [0x1c, 1, 0x7f]],
  ['local.get', [0x20, 0x80, 0x01]],
  ['i32.load', [0x28, 2, 0x90, 0x80, 0x01]],
  ['i32.load of a second memory', [0x28, 0x42, 1, 8]],
  ['memory.grow', [0x40, 0]],
  ['i32.const', [0x41, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ['i64.const', [0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]],
  ['f32.const', [0x43, 0x0b, 0x0b, 0x0b, 0x0b]],
  ['f64.const', [0x44, 1, 2, 3, 4, 5, 6, 7, 0x80]],
  ['i32.extend16_s', [0xc1]],
  ['ref.null', [0xd0, 0x70]],
  ['ref.func', [0xd2, 0x81, 0x01]],
  ['i64.trunc_sat_f64_u', [0xfc, 7]],
  ['memory.init', [0xfc, 8, 0x81, 0x00, 0]],
  ['data.drop', [0xfc, 9, 3]],
  ['memory.copy', [0xfc, 10, 0, 0]],
  ['memory.fill', [0xfc, 0x8b, 0x00, 0]],
  ['table.copy', [0xfc, 14, 0, 1]],
  ['table.fill', [0xfc, 17, 0]],
  ['v128.load', [0xfd, 0, 4, 0x90, 0x01]],
  ['v128.const', [0xfd, 12, ...new Array<number>(16).fill(0x0b)]],
  ['i8x16.shuffle', [0xfd, 13, ...new Array<number>(16).fill(0x80)]],
  ['i8x16.splat', [0xfd, 15]],
  ['i32x4.extract_lane', [0xfd, 27, 3]],
  ['v128.load8_lane', [0xfd, 84, 0, 5, 3]],
  ['v128.load64_zero', [0xfd, 93, 3, 5]],
  ['f64x2.add', [0xfd, 0xf0, 0x01]],
  ['memory.atomic.notify', [0xfe, 0, 2, 0]],
  ['memory.atomic.wait32', [0xfe, 1, 2, 0x80, 0x01]],
  ['atomic.fence', [0xfe, 3, 0]],
  ['i32.atomic.rmw.cmpxchg', [0xfe, 0x48, 2, 4]],
])('%s', (_name, bytes) => {
  expect(lengths([...bytes, 0x01, 0x0b])).toEqual([bytes.length, 1, 1]);
  for (let cut = 1; cut < bytes.length; cut++) expect(() => lengths(bytes.slice(0, cut))).toThrow(BadModule);
});

test('unknown instructions are not guessed', () => {
  for (const bytes of [
    [0x06, 0x40],
    [0x14, 0],
    [0xe0],
    [0xfb, 0],
    [0xfc, 18],
    [0xfd, 0x95, 0x02],
    [0xfe, 4],
    [0xfe, 0x4f],
  ]) {
    expect(() => lengths(bytes)).toThrow(/unknown instruction/);
  }
});

test('local declarations are passed over', () => {
  const body = Uint8Array.from([2, 0x83, 0x00, 0x7f, 1, 0x7e, 0x0b]);
  expect(skipLocals(body, 0, body.length)).toBe(6);
});

describe('numbers', () => {
  test.each([0, 1, -1, 63, 64, -64, -65, 8191, -8192, 0x7fffffff, -0x80000000, 123456789])(
    '%i is read as written',
    (value) => {
      const bytes = new ByteWriter().s32(value).u32(value).u32le(value).bytes();
      const reader = new ByteReader(bytes);
      expect([reader.s32(), reader.u32(), reader.u32le()]).toEqual([value, value >>> 0, value >>> 0]);
      expect(reader.done).toBe(true);
    },
  );
});
