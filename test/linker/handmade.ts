// Modules put together by hand, section by section: what no linker of ours would write.

import { ByteWriter } from '../../host/linker/wasm/bytes.ts';

export const I32 = 0x7f;

export type Part = [id: number, fill: (to: ByteWriter) => void];

export const custom = (name: string, fill: (to: ByteWriter) => void): Part => [
  0,
  (to) => fill(to.text(name)),
];
export const dylink = (memory = 64, table = 4): Part =>
  custom('dylink.0', (to) => to.u8(1).block((part) => part.u32(memory).u32(4).u32(table).u32(0)));
/** `(i32) → i32` and `() → ()`. */
export const types: Part = [
  1,
  (to) => to.u32(2).u8(0x60).u32(1).u8(I32).u32(1).u8(I32).u8(0x60).u32(0).u32(0),
];
export const imports: Part = [
  2,
  (to) => {
    to.u32(5).text('env').text('memory').u8(2).u8(0).u32(1);
    to.text('env').text('__indirect_function_table').u8(1).u8(0x70).u8(0).u32(1);
    to.text('env').text('__memory_base').u8(3).u8(I32).u8(0);
    to.text('env').text('__table_base').u8(3).u8(I32).u8(0);
    to.text('env').text('kmalloc').u8(0).u32(0);
  },
];
export const functions: Part = [3, (to) => to.u32(1).u32(1)];
export const code: Part = [10, (to) => to.u32(1).u32(2).u8(0).u8(0x0b)];
export const exported = (name: string, index = 1): Part => [7, (to) => to.u32(1).text(name).u8(0).u32(index)];
export const data = (expression: number[], length: number): Part => [
  11,
  (to) =>
    to
      .u32(1)
      .u32(0)
      .raw(Uint8Array.from([...expression, 0x0b]))
      .u32(length)
      .raw(new Uint8Array(length)),
];
export const element = (expression: number[], index: number): Part => [
  9,
  (to) =>
    to
      .u32(1)
      .u32(0)
      .raw(Uint8Array.from([...expression, 0x0b]))
      .u32(1)
      .u32(index),
];

export function file(...parts: Part[]): Uint8Array {
  const to = new ByteWriter().u32le(0x6d736100).u32le(1);
  for (const [id, fill] of parts) to.u8(id).block(fill);
  return to.bytes().slice();
}
