// Version CRCs of symbols: CRC-32 (IEEE) over the symbol's name and type, as modversions does for C declarations.

import { typeName } from '../wasm/opcodes.ts';
import type { Signature } from '../wasm/sections.ts';

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

const encoder = new TextEncoder();

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

/** `kmalloc(i32)i32`. */
export function symbolText(name: string, { parameters, results }: Signature): string {
  return `${name}(${parameters.map(typeName).join(',')})${results.map(typeName).join(',')}`;
}

export function symbolCrc(name: string, signature: Signature): number {
  return crc32(encoder.encode(symbolText(name, signature)));
}

/** Of an exported variable: it has no type, so only its name counts. */
export function dataCrc(name: string): number {
  return crc32(encoder.encode(`${name}:data`));
}
