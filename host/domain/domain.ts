// A domain: a memory, a table and a symbol table, with the kernel's or the domain's image in it. Modules are put in by
// ./loader.ts. The table is never shared, and never reused by another incarnation.

import {
  IMAGE_BASE,
  IMAGE_SIZE,
  STACK_BASE,
  STACK_SIZE,
  TABLE_MAX,
  TABLE_SIZE,
  WINDOW_BASE,
  WINDOW_SIZE,
} from '../../kernel/abi/map.ts';
import { MAX_CHANNELS } from '../../kernel/abi/limits.ts';
import { cleanText } from '../linker/wasm/bytes.ts';
import { elementSize, symbolFlags } from '../linker/module/metadata.ts';
import { dataOffset } from '../linker/module/module-file.ts';
import type { Image, ImageExports } from './image.ts';

const IMAGE_TABLE_BASE = 1;
/** Kept by the host for what a benchmark's floor calls, and by channel for the sandboxes. */
const HOST_SLOTS = 1 + MAX_CHANNELS;

/** Static data as it was when it was loaded: what does not belong to a mutable global must stay so. */
export interface StaticData {
  name: string;
  base: number;
  bytes: Uint8Array;
  /** Bytes at the front that are mutable globals. */
  globals: number;
}

const encoder = new TextEncoder();

/** A module may bring names of any length; the kernel takes none that does not fit the host window. */
export class TextTooLong extends Error {
  override readonly name = 'TextTooLong';
}

/** Applies the data relocations of an instance, which are its own code. */
export function relocate(exports: WebAssembly.Exports): void {
  const apply = exports['__wasm_apply_data_relocs'] as (() => void) | undefined;
  apply?.();
}

export class Domain<Exports extends ImageExports> {
  readonly memory: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
  readonly stackPointer: WebAssembly.Global;
  readonly exports: Exports;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Table slots that the image occupies: its own elements and its symbols. */
  readonly slots: number;
  readonly statics: StaticData[] = [];
  private readonly image: Image;
  private windowEnd = WINDOW_BASE;

  /** Instantiates the image in an empty memory. The image's own boot comes next, then `publish`. */
  constructor(image: Image, memory: WebAssembly.Memory, host: WebAssembly.ModuleImports) {
    if (image.file.memory.size > IMAGE_SIZE)
      throw new Error(`image is larger than ${IMAGE_SIZE} bytes: ${image.name}`);
    this.image = image;
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_SIZE, maximum: TABLE_MAX });
    this.stackPointer = new WebAssembly.Global({ value: 'i32', mutable: true }, STACK_BASE + STACK_SIZE);
    this.slots = IMAGE_TABLE_BASE + image.file.table.size + image.file.symbols.length + HOST_SLOTS;
    if (this.slots > TABLE_SIZE)
      throw new Error(`image has more than ${TABLE_SIZE} functions: ${image.name}`);
    const instance = this.instantiate(image.module, IMAGE_BASE, IMAGE_TABLE_BASE, {
      host: { ...host, grow_table: this.growTable },
    });
    relocate(instance.exports);
    this.exports = instance.exports as unknown as Exports;
    this.remember(image.name, IMAGE_BASE, image);
    const constructors = instance.exports['__wasm_call_ctors'] as unknown as (() => void) | undefined;
    constructors?.();
  }

  /** The kernel has run out of table slots. */
  private readonly growTable = (size: number): number => {
    try {
      this.table.grow(size - this.table.length);
      return 0;
    } catch (error) {
      if (error instanceof RangeError) return -1;
      throw error;
    }
  };

  /**
   * Instantiates a module at its bases; its data relocations are still to be applied.
   * @param imports what is not the domain's: of `env` the symbols alone
   */
  instantiate(
    module: WebAssembly.Module,
    memoryBase: number,
    tableBase: number,
    imports: WebAssembly.Imports,
  ): WebAssembly.Instance {
    const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32' }, value);
    return new WebAssembly.Instance(module, {
      ...imports,
      env: {
        ...imports['env'],
        memory: this.memory,
        __indirect_function_table: this.table,
        __memory_base: constant(memoryBase),
        __table_base: constant(tableBase),
        __stack_pointer: this.stackPointer,
      },
    });
  }

  /** Puts the image's own symbols into the domain's symbol table; the image has booted. */
  publish(): void {
    this.image.file.symbols.forEach((symbol, index) => {
      const slot = IMAGE_TABLE_BASE + this.image.file.table.size + index;
      if (!symbol.data)
        this.table.set(slot, (this.exports as unknown as Record<string, unknown>)[symbol.name]);
      const value = symbol.data ? IMAGE_BASE + dataOffset(this.image.file, symbol.name) : slot;
      const flags = symbolFlags(symbol);
      const status = this.exports.kernel_symbol(this.text(symbol.name), value, flags, symbol.crc | 0);
      if (status < 0) throw new Error(`symbol cannot be published (errno ${-status}): ${symbol.name}`);
    });
  }

  /** Tells the kernel's domain the names of its own functions. */
  publishNames(): void {
    const { names } = this.image;
    const place = this.exports.module_kallsyms?.(0, names.length) ?? -1;
    if (place >= 0) this.bytes.set(names, place);
  }

  /** Remembers a file's static data as it lies in memory now, before any of its code has run. */
  remember(name: string, base: number, image: Image): void {
    const length = image.file.data.reduce((end, { offset, length }) => Math.max(end, offset + length), 0);
    // A file that does not say which of its bytes may change is not watched.
    const globals = Number(image.file.modinfo.get('globals')?.[0] ?? length);
    const bytes = this.bytes.slice(base, base + length);
    // The values of an array of parameters lie among the constants, but may be set. Zeros are not watched.
    for (const { type, count, offset } of image.file.parameters)
      bytes.fill(0, offset, offset + elementSize(type) * count);
    this.statics.push({ name, base, bytes, globals });
  }

  forget(name: string): void {
    const index = this.statics.findIndex((data) => data.name === name);
    if (index >= 0) this.statics.splice(index, 1);
  }

  /** Writes a C string into the host window; valid until the window has gone round; throws TextTooLong. @returns its address */
  text(text: string): number {
    const encoded = encoder.encode(text);
    // So that three in a row never overwrite each other: a step of a load takes no more.
    if (encoded.length + 1 > WINDOW_SIZE / 4)
      throw new TextTooLong(`text is too long for the kernel: ${encoded.length} bytes`);
    if (this.windowEnd + encoded.length + 1 > WINDOW_BASE + WINDOW_SIZE) this.windowEnd = WINDOW_BASE;
    const at = this.windowEnd;
    this.bytes.set(encoded, at);
    this.bytes[at + encoded.length] = 0;
    this.windowEnd = at + encoded.length + 1;
    return at;
  }

  /** The C string at an address, of at most `limit` bytes. */
  textAt(address: number, limit: number): string {
    const bytes = this.bytes.slice(address, address + limit); // a copy: decoders refuse shared memory
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** The slot that is the host's. */
  get hostSlot(): number {
    return this.slots - HOST_SLOTS;
  }

  /** The slot of the sandbox behind a channel. */
  gateSlot(channel: number): number {
    return this.hostSlot + 1 + channel;
  }

  /** printk by the host: one line at a level, whatever letters are in it. */
  log(level: number, line: string): void {
    const clean = cleanText(line).replaceAll('%', '%%');
    this.exports.vprintk_emit(level, this.text(clean), 0);
  }

  resetStack(): void {
    this.stackPointer.value = STACK_BASE + STACK_SIZE;
  }
}
