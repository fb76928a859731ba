// Reading a memory from outside, whatever it contains: nothing here throws or writes.

import { cleanText } from '../../linker/wasm/bytes.ts';
import { FNV_OFFSET, FNV_PRIME } from '../../../kernel/abi/log.ts';

/** A view that can be read anywhere: 0 outside the memory. */
export class Memory {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }

  get size(): number {
    return this.bytes.length;
  }

  u8(address: number): number {
    return this.bytes[address] ?? 0;
  }

  u32(address: number): number {
    return address >= 0 && address + 4 <= this.size ? this.view.getUint32(address, true) : 0;
  }

  f64(address: number): number {
    return address >= 0 && address + 8 <= this.size ? this.view.getFloat64(address, true) : 0;
  }

  /** A C string of at most `limit` bytes, for people: control characters are escaped, as `\x1b`. */
  text(address: number, limit: number): string {
    return cleanText(this.raw(address, limit));
  }

  /** The same without a newline at its end, as printk's texts have one. */
  line(address: number, limit: number): string {
    return cleanText(this.raw(address, limit).replace(/\n$/, ''));
  }

  private raw(address: number, limit: number): string {
    let end = address;
    while (end < address + limit && this.u8(end) !== 0) end++;
    const bytes = this.bytes.slice(address, end); // a copy: decoders refuse shared memory
    return new TextDecoder().decode(bytes);
  }
}

/** FNV-1a, 32 bits, as kernel/lib/text.ts. */
export function fnv(memory: Memory, from: number, length: number, hash = FNV_OFFSET): number {
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ memory.u8(from + i), FNV_PRIME);
  return hash >>> 0;
}
