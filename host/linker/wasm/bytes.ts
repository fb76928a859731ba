// Reading and writing the wasm binary format, byte by byte.
//
// ByteReader never reads past its end and never trusts a count: everything wrong is a BadModule, and nothing else is
// ever thrown, whatever the bytes are. ByteWriter grows; a size that is known only afterwards is written by `block`.

// The same characters as kernel/lib/name.ts does not show, and lone surrogates.
const HIDDEN =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * A text that a driver or a file has given, for people: what could forge or rearrange a line, move a cursor or is not seen is
 * shown by its bytes, as dmesg does: `\x1b`.
 */
export function cleanText(text: string): string {
  return text.replace(HIDDEN, (character) =>
    [...encoder.encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/** The same for a text of several lines: ends of lines and tabs stay. */
export function cleanLines(text: string): string {
  return text.replace(/[^\n\t]+/g, cleanText);
}

/** A file that is not a module we can load. The message is a lower-case sentence, fit for a log. */
export class BadModule extends Error {
  override readonly name = 'BadModule';

  constructor(message: string) {
    super(cleanText(message));
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  get left(): number {
    return this.end - this.position;
  }

  u8(): number {
    if (this.position >= this.end) throw new BadModule(`the file ends too early, at byte ${this.position}`);
    return this.bytes[this.position++]!;
  }

  /** Unsigned LEB128 of at most 32 bits; five bytes at most, as tools that patch code pad them. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new BadModule(`a number of more than 32 bits at byte ${this.position}`);
  }

  /** Signed LEB128 of at most 32 bits (also the 33 bits of a block type, whose value is not needed). */
  s32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return shift < 28 && byte & 0x40 ? value | (-1 << (shift + 7)) : value;
    }
    throw new BadModule(`a number of more than 32 bits at byte ${this.position}`);
  }

  /** Passes over a LEB128 of up to 64 bits. */
  skipLeb(): void {
    for (let i = 0; i < 10; i++) if (this.u8() < 0x80) return;
    throw new BadModule(`a number of more than 64 bits at byte ${this.position}`);
  }

  u16le(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32le(): number {
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }

  skip(count: number): void {
    if (count > this.left)
      throw new BadModule(`the file ends too early: ${count} bytes announced, ${this.left} left`);
    this.position += count;
  }

  /** A part of the file as a view, not a copy. */
  take(count: number): Uint8Array {
    const start = this.position;
    this.skip(count);
    return this.bytes.subarray(start, this.position);
  }

  /** A reader of the next `count` bytes, which this one passes over. */
  part(count: number): ByteReader {
    const start = this.position;
    this.skip(count);
    return new ByteReader(this.bytes, start, this.position);
  }

  /** A vector's count: no more than there can be, as each element has `least` bytes. */
  count(least = 1): number {
    const count = this.u32();
    if (count * least > this.left) throw new BadModule(`a list of ${count} entries in ${this.left} bytes`);
    return count;
  }

  text(): string {
    const bytes = this.take(this.u32());
    try {
      return decoder.decode(bytes.slice());
    } catch {
      throw new BadModule(`a name that is not UTF-8 at byte ${this.position - bytes.length}`);
    }
  }

  /** A text that ends in NUL. */
  cstring(): string {
    const start = this.position;
    const stop = this.bytes.subarray(start, this.end).indexOf(0);
    if (stop < 0) throw new BadModule(`a text without its end at byte ${start}`);
    this.position = start + stop + 1;
    try {
      return decoder.decode(this.bytes.slice(start, start + stop));
    } catch {
      throw new BadModule(`a name that is not UTF-8 at byte ${start}`);
    }
  }
}

export class ByteWriter {
  private buffer = new Uint8Array(1024);
  length = 0;

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + count));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  u32(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.u8(rest);
  }

  s32(value: number): this {
    let rest = value | 0;
    for (;;) {
      const byte = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && !(byte & 0x40)) || (rest === -1 && byte & 0x40)) return this.u8(byte);
      this.u8(byte | 0x80);
    }
  }

  u16le(value: number): this {
    return this.u8(value & 0xff).u8((value >>> 8) & 0xff);
  }

  u32le(value: number): this {
    return this.u16le(value & 0xffff).u16le(value >>> 16);
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  text(text: string): this {
    const bytes = encoder.encode(text);
    return this.u32(bytes.length).raw(bytes);
  }

  /** A text that ends in NUL. */
  cstring(text: string): this {
    return this.raw(encoder.encode(text)).u8(0);
  }

  /** What `fill` writes, after its length. Returns where its first byte lies. */
  block(fill: (to: ByteWriter) => void): number {
    const inner = new ByteWriter();
    fill(inner);
    this.u32(inner.length);
    const start = this.length;
    this.raw(inner.bytes());
    return start;
  }

  /** What was written: a view that the next write may leave behind. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}
