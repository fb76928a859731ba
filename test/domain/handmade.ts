// Modules made by hand, byte for byte: one function whose body traps.

import type { FaultKind } from '../../host/domain/fault.ts';

const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
const text = (value: string): number[] => {
  const bytes = [...new TextEncoder().encode(value)];
  return [...leb(bytes.length), ...bytes];
};
const section = (id: number, body: number[]): number[] => [id, ...leb(body.length), ...body];

/** A module of one function, index 0, exported as `run`. */
export function moduleBytes(
  body: number[],
  functionName = 'boom',
  moduleName = 'ramdisk',
): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(4, [1, 0x70, 0, 1]),
    ...section(5, [1, 0, 1]),
    ...section(7, [1, ...text('run'), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
    ...section(0, [
      ...text('name'),
      ...section(0, text(moduleName)),
      ...section(1, [1, 0, ...text(functionName)]),
    ]),
  ]);
}

/** What the module throws when it is run. */
export function thrownBy(body: number[], functionName?: string, moduleName?: string): unknown {
  const instance = new WebAssembly.Instance(
    new WebAssembly.Module(moduleBytes(body, functionName, moduleName)),
  );
  return caught(instance.exports['run'] as () => void);
}

function caught(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** Offset of the first instruction of the body. */
export const BODY_START = moduleBytes([0]).indexOf(0x0a, 30) + 5; // section id, size, count, body size, locals

const I32_CONST = 0x41;
const MINUS_ONE = 0x7f;
const DROP = 0x1a;

export const UNREACHABLE = [0x00];
export const RECURSION = [0x10, 0];

/** A body for every kind of trap. */
export const TRAPS: [FaultKind, number[]][] = [
  ['unreachable', UNREACHABLE],
  ['memory out of bounds', [I32_CONST, MINUS_ONE, 0x28, 2, 0, DROP]],
  ['memory out of bounds', [I32_CONST, MINUS_ONE, I32_CONST, 0, I32_CONST, MINUS_ONE, 0xfc, 11, 0]],
  ['table out of bounds', [I32_CONST, MINUS_ONE, 0x25, 0, DROP]],
  ['table out of bounds', [I32_CONST, MINUS_ONE, 0x11, 0, 0]],
  ['indirect call', [I32_CONST, 0, 0x11, 0, 0]],
  ['divide by zero', [I32_CONST, 1, I32_CONST, 0, 0x6d, DROP]],
  ['divide by zero', [I32_CONST, 1, I32_CONST, 0, 0x70, DROP]],
  ['integer overflow', [I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x78, I32_CONST, MINUS_ONE, 0x6d, DROP]],
  ['float conversion', [0x43, 0, 0, 0xc0, 0x7f, 0xa8, DROP]],
  ['stack exhausted', RECURSION],
];
