// The opcodes of WebAssembly that the linker writes or looks for.

export const OP = {
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Store: 0x36,
  i32Add: 0x6a,
  refNull: 0xd0,
  refFunc: 0xd2,
  end: 0x0b,
  numeric: 0xfc,
  simd: 0xfd,
  atomic: 0xfe,
} as const;

export const TYPE = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, byte]) => [byte, name]));

/** `i32` for 0x7f and so on. */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `0x${type.toString(16)}`;
}

export interface Access {
  load: readonly number[];
  store: readonly number[];
  /** log2 of the size. */
  align: number;
  size: number;
}

/** How a value of a type is read from and written to memory. */
export const ACCESS: ReadonlyMap<number, Access> = new Map([
  [TYPE.i32, { load: [0x28], store: [0x36], align: 2, size: 4 }],
  [TYPE.i64, { load: [0x29], store: [0x37], align: 3, size: 8 }],
  [TYPE.f32, { load: [0x2a], store: [0x38], align: 2, size: 4 }],
  [TYPE.f64, { load: [0x2b], store: [0x39], align: 3, size: 8 }],
  [TYPE.v128, { load: [0xfd, 0x00], store: [0xfd, 0x0b], align: 4, size: 16 }],
]);

/** Plain loads: an address and an offset, nothing else. */
export function isLoad(opcode: number): boolean {
  return opcode >= 0x28 && opcode <= 0x35;
}
