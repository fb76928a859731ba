// Puts the position-independent module together and writes it as a wasm shared library.
//
// Imports of functions stay in asc's order, so that function indices do; the relocation function comes last. The bases
// are the first globals behind the imported ones. Memory and table are imported so that any of a domain's fit.

import { ByteWriter } from '../wasm/bytes.ts';
import type { Comparison } from './differ.ts';
import type { Layout } from './layout.ts';
import { writeDylink } from '../module/metadata.ts';
import { writeNames } from '../wasm/names.ts';
import { OP, TYPE } from '../wasm/opcodes.ts';
import { pushAddress, rewriteBody, type BaseGlobals, type Mark } from './rewrite.ts';
import { importedCount, type Export, type Sections } from '../wasm/sections.ts';

export const RELOCATIONS = '__wasm_apply_data_relocs';

export interface EmitOptions {
  name: string;
  alignment: number;
  /** asc's exports that stay. */
  exports: readonly Export[];
  functionNames: ReadonlyMap<number, string>;
  /** Further custom sections, in order, before the names. */
  custom: readonly [name: string, content: Uint8Array][];
  sourceMapUrl: string;
}

export interface Emitted {
  bytes: Uint8Array;
  /** Where asc's code went: positions in both files, ascending. */
  marks: Mark[];
  /** Where own functions' bodies lie in the new file. */
  bodies: { start: number; end: number }[];
}

const MAX_PAGES = 65536;

/** The function that writes the addresses into the data, once the bases are known. */
function relocationBody(layout: Layout, bases: BaseGlobals): Uint8Array {
  const out = new ByteWriter().u32(0);
  for (const { at, space, offset } of layout.pointers) {
    out.u8(OP.globalGet).u32(bases.memory);
    pushAddress(out, { space, offset }, bases);
    out.u8(OP.i32Store).u32(2).u32(at);
  }
  return out.u8(OP.end).bytes();
}

class Emitter {
  private readonly out = new ByteWriter().u32le(0x6d736100).u32le(1);
  private readonly main: Sections;
  private readonly layout: Layout;
  private readonly options: EmitOptions;
  private readonly bases: BaseGlobals;
  private readonly relocates: boolean;
  private readonly newGlobals = new ByteWriter();
  private newGlobalCount = 0;

  constructor(main: Sections, layout: Layout, options: EmitOptions) {
    this.main = main;
    this.layout = layout;
    this.options = options;
    this.relocates = layout.pointers.length > 0;
    const imported = importedCount(main, 'global');
    this.bases = { memory: imported, table: imported + 1 };
  }

  run(found: Comparison): Emitted {
    const { main, options, layout } = this;
    const tableSize = Math.max(0, ...main.elements.map((segment) => segment.functions.length));
    this.custom('dylink.0', (to) =>
      writeDylink(to, { size: layout.size, alignment: options.alignment }, tableSize),
    );
    const relocationType = this.types();
    this.imports();
    this.section(3, (to) => {
      to.u32(main.functions.length + (this.relocates ? 1 : 0));
      for (const type of main.functions) to.u32(type);
      if (this.relocates) to.u32(relocationType);
    });
    this.keptGlobals();
    const exports = this.exports();
    if (this.newGlobalCount)
      this.section(6, (to) => to.u32(this.newGlobalCount).raw(this.newGlobals.bytes()));
    this.section(7, (to) => to.raw(exports));
    this.elements();
    const code = this.code(found);
    this.data();
    for (const [name, content] of options.custom) this.custom(name, (to) => to.raw(content));
    const names = new Map(options.functionNames);
    if (this.relocates) names.set(this.relocationIndex, RELOCATIONS);
    this.custom('name', (to) => writeNames(to, options.name, names));
    this.custom('sourceMappingURL', (to) => to.text(options.sourceMapUrl));
    return { bytes: this.out.bytes().slice(), ...code };
  }

  private get relocationIndex(): number {
    return importedCount(this.main, 'function') + this.main.functions.length;
  }

  /** Returns where the content starts. */
  private section(id: number, fill: (to: ByteWriter) => void): number {
    return this.out.u8(id).block(fill);
  }

  private custom(name: string, fill: (to: ByteWriter) => void): void {
    this.section(0, (to) => {
      fill(to.text(name));
    });
  }

  /** Writes asc's types; returns the index of () → (), added where it is needed and missing. */
  private types(): number {
    const types = [...this.main.types];
    let empty = types.findIndex((type) => !type.parameters.length && !type.results.length);
    if (empty < 0 && this.relocates) empty = types.push({ parameters: [], results: [] }) - 1;
    this.section(1, (to) => {
      to.u32(types.length);
      for (const { parameters, results } of types) {
        to.u8(0x60).u32(parameters.length).raw(Uint8Array.from(parameters));
        to.u32(results.length).raw(Uint8Array.from(results));
      }
    });
    return empty;
  }

  private imports(): void {
    const kept = this.main.imports.filter((entry) => entry.kind === 'function' || entry.kind === 'global');
    this.section(2, (to) => {
      to.u32(kept.length + 4);
      to.text('env').text('memory').u8(2).u8(3).u32(0).u32(MAX_PAGES);
      to.text('env').text('__indirect_function_table').u8(1).u8(TYPE.funcref).u8(0).u32(0);
      for (const entry of kept) {
        to.text(entry.module).text(entry.name);
        if (entry.kind === 'function') to.u8(0).u32(entry.type);
        else if (entry.kind === 'global')
          to.u8(3)
            .u8(entry.type)
            .u8(entry.mutable ? 1 : 0);
      }
      to.text('env').text('__memory_base').u8(3).u8(TYPE.i32).u8(0);
      to.text('env').text('__table_base').u8(3).u8(TYPE.i32).u8(0);
    });
  }

  /** Adds an own global and returns its index. */
  private addGlobal(type: number, mutable: boolean, expression: Uint8Array): number {
    this.newGlobals
      .u8(type)
      .u8(mutable ? 1 : 0)
      .raw(expression)
      .u8(OP.end);
    return this.bases.table + 1 + this.newGlobalCount++;
  }

  private keptGlobals(): void {
    for (const place of this.layout.globals) {
      if (place.kind === 'kept')
        this.addGlobal(place.type, true, this.main.bytes.subarray(place.start, place.end));
    }
  }

  /** An exported variable or address is exported as its offset from the base, as the conventions have it. */
  private exportedGlobal(index: number): number {
    const place = this.layout.globals[index]!;
    if (place.kind === 'imported') return place.index;
    if (place.kind === 'kept') return this.bases.table + 1 + place.place;
    if (place.kind === 'constant') {
      return this.addGlobal(place.type, false, this.main.bytes.subarray(place.start, place.end));
    }
    const offset = place.kind === 'moved' ? place.offset : place.address.offset;
    return this.addGlobal(TYPE.i32, false, new ByteWriter().u8(OP.i32Const).s32(offset).bytes());
  }

  private exports(): Uint8Array {
    const to = new ByteWriter();
    const { exports } = this.options;
    to.u32(exports.length + (this.relocates ? 1 : 0));
    if (this.relocates) to.text(RELOCATIONS).u8(0).u32(this.relocationIndex);
    for (const { name, kind, index } of exports) {
      to.text(name);
      if (kind === 'function') to.u8(0).u32(index);
      else to.u8(3).u32(this.exportedGlobal(index));
    }
    return to.bytes();
  }

  private elements(): void {
    const { elements } = this.main;
    if (!elements.length) return;
    this.section(9, (to) => {
      to.u32(elements.length);
      for (const { functions } of elements) {
        to.u32(0).u8(OP.globalGet).u32(this.bases.table).u8(OP.end).u32(functions.length);
        for (const index of functions) to.u32(index);
      }
    });
  }

  private code(found: Comparison): Pick<Emitted, 'marks' | 'bodies'> {
    const { main } = this;
    const marks: Mark[] = [];
    const bodies: Emitted['bodies'] = [];
    let next = 0;
    const start = this.section(10, (to) => {
      to.u32(main.bodies.length + (this.relocates ? 1 : 0));
      main.bodies.forEach((body, index) => {
        const first = next;
        while (next < found.code.length && found.code[next]!.at < body.end) next++;
        const rewritten = rewriteBody(main, index, found.code.slice(first, next), this.layout, this.bases);
        to.u32(rewritten.bytes.length);
        const place = to.length;
        to.raw(rewritten.bytes);
        for (const mark of rewritten.marks) marks.push({ from: mark.from, to: mark.to + place });
        bodies.push({ start: place, end: to.length });
      });
      if (this.relocates) {
        const body = relocationBody(this.layout, this.bases);
        to.u32(body.length).raw(body);
      }
    });
    return {
      marks: marks.map(({ from, to }) => ({ from, to: to + start })),
      bodies: bodies.map((body) => ({ start: body.start + start, end: body.end + start })),
    };
  }

  private data(): void {
    const { image } = this.layout;
    if (!image.length) return;
    this.section(11, (to) => {
      to.u32(1).u32(0).u8(OP.globalGet).u32(this.bases.memory).u8(OP.end).u32(image.length).raw(image);
    });
  }
}

/** Writes the module. `found` are the proven relocations of `main`. */
export function emit(main: Sections, layout: Layout, found: Comparison, options: EmitOptions): Emitted {
  return new Emitter(main, layout, options).run(found);
}
