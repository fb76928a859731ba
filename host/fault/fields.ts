// Where the numbers and names of a module's file stand: what a mutator can change one by one, with the lengths around them
// kept right, so that damage reaches the check that it is meant for.

import { ByteReader, ByteWriter } from '../linker/wasm/bytes.ts';
import { readConstant } from '../linker/wasm/constant.ts';

export type FieldKind =
  | 'section length'
  | 'length' // of a body, a segment, a part of dylink.0
  | 'count' // of a vector
  | 'index'
  | 'size' // of memory or table, in dylink.0 and in limits
  | 'alignment'
  | 'offset' // the expression that says where a segment lies
  | 'name';

/** A length in the file that counts the bytes behind it. */
interface Container {
  start: number;
  end: number;
  value: number;
}

export interface Field {
  kind: FieldKind;
  /** `import 3: name` */
  what: string;
  /** Place of its section among all sections. */
  section: number;
  start: number;
  end: number;
  /** Of a number. */
  value: number;
  /** Lengths that count its bytes, outermost first. */
  within: readonly Container[];
}

/** What a kind of mutation makes; null where the file has nothing for it. */
export type Damage = { bytes: Uint8Array<ArrayBuffer>; description: string } | null;

export interface SectionPlace {
  id: number;
  /** Of a custom section. */
  name: string;
  /** With its id and length. */
  start: number;
  /** Behind its length, and behind a custom section's name. */
  content: number;
  end: number;
  length: Container;
}

const NAMES: Readonly<Record<number, string>> = {
  ...{ 1: 'types', 2: 'imports', 3: 'functions', 4: 'tables', 5: 'memories', 6: 'globals', 7: 'exports' },
  ...{ 8: 'start', 9: 'elements', 10: 'code', 11: 'data', 12: 'data count' },
};

/** `code`, `.modinfo` */
export function sectionName({ id, name }: SectionPlace): string {
  return id === 0 ? name : (NAMES[id] ?? `section ${id}`);
}

/** The file's sections. Throws BadModule where it is no module. */
export function sectionPlaces(bytes: Uint8Array): SectionPlace[] {
  const reader = new ByteReader(bytes, 8);
  const places: SectionPlace[] = [];
  while (!reader.done) {
    const start = reader.position;
    const id = reader.u8();
    const at = reader.position;
    const value = reader.u32();
    const length = { start: at, end: reader.position, value };
    const content = reader.part(value);
    const name = id === 0 ? content.text() : '';
    places.push({ id, name, start, content: content.position, end: content.end, length });
  }
  return places;
}

/** Collects the fields of one section. */
class Collector {
  readonly fields: Field[] = [];
  private readonly reader: ByteReader;
  private readonly section: number;
  private within: Container[];

  constructor(bytes: Uint8Array, place: SectionPlace, section: number) {
    this.section = section;
    this.within = [place.length];
    const { start, end, value } = place.length;
    const what = `length of ${sectionName(place)}`;
    this.fields.push({ kind: 'section length', what, section, start, end, value, within: [] });
    this.reader = new ByteReader(bytes, place.content, place.end);
    if (place.id === 0) {
      const named = { start: place.length.end, end: place.content, value: 0 };
      this.fields.push({ kind: 'name', what: 'name of a section', section, ...named, within: this.within });
      if (place.name === 'dylink.0') this.dylink();
    } else this.known(place.id);
  }

  private number(kind: FieldKind, what: string): number {
    const start = this.reader.position;
    const value = this.reader.u32();
    this.add(kind, what, start, value);
    return value;
  }

  private add(kind: FieldKind, what: string, start: number, value = 0): void {
    const { section, within } = this;
    this.fields.push({ kind, what, section, start, end: this.reader.position, value, within });
  }

  private name(what: string): void {
    const start = this.reader.position;
    this.reader.text();
    this.add('name', what, start);
  }

  private each(what: string, element: (what: string) => void): void {
    const count = this.number('count', `number of ${what}s`);
    for (let index = 0; index < count; index++) element(`${what} ${index}`);
  }

  private limits(what: string): void {
    const flags = this.reader.u8();
    this.number('size', `${what}: minimum`);
    if (flags & 1) this.number('size', `${what}: maximum`);
  }

  private expression(what: string): void {
    const start = this.reader.position;
    readConstant(this.reader);
    this.add('offset', what, start);
  }

  private known(id: number): void {
    const { reader } = this;
    if (id === 1) this.each('type', () => this.type());
    else if (id === 2) this.each('import', (what) => this.import(what));
    else if (id === 3) this.each('function', (what) => this.number('index', `${what}: type`));
    else if (id === 7) {
      this.each('export', (what) => {
        this.name(`${what}: name`);
        reader.u8();
        this.number('index', `${what}: index`);
      });
    } else if (id === 8) this.number('index', 'start function');
    else if (id === 9) this.each('element segment', (what) => this.elements(what));
    else if (id === 10) {
      this.each('body', (what) => reader.skip(this.number('length', `length of ${what}`)));
    } else if (id === 11) this.each('data segment', (what) => this.data(what));
    else if (id === 12) this.number('count', 'number of data segments, announced');
  }

  private type(): void {
    this.reader.u8();
    for (let list = 0; list < 2; list++)
      this.reader.skip(this.number('count', list === 0 ? 'number of parameters' : 'number of results'));
  }

  private import(what: string): void {
    this.name(`${what}: module`);
    this.name(`${what}: name`);
    const kind = this.reader.u8();
    if (kind === 0) this.number('index', `${what}: type`);
    else if (kind === 3) this.reader.skip(2);
    else {
      if (kind === 1) this.reader.u8();
      this.limits(what);
    }
  }

  private elements(what: string): void {
    if (this.reader.u32() === 2) this.reader.u32();
    this.expression(`${what}: offset`);
    this.each(`slot of ${what},`, (slot) => this.number('index', slot));
  }

  private data(what: string): void {
    const flags = this.reader.u32();
    if (flags === 2) this.reader.u32();
    if (flags !== 1) this.expression(`${what}: offset`);
    this.reader.skip(this.number('length', `length of ${what}`));
  }

  private dylink(): void {
    const outer = this.within;
    while (!this.reader.done) {
      const id = this.reader.u8();
      const start = this.reader.position;
      const value = this.number('length', `length of part ${id} of dylink.0`);
      const after = this.reader.position + value;
      this.within = [...outer, { start, end: this.reader.position, value }];
      if (id === 1) {
        this.number('size', 'size of the memory');
        this.number('alignment', 'alignment of the memory');
        this.number('size', 'size of the table');
        this.number('alignment', 'alignment of the table');
      } else if (id === 2) this.each('needed library', (what) => this.name(what));
      this.reader.position = after;
      this.within = outer;
    }
  }
}

/** All fields of a module. Throws BadModule where it is none. */
export function moduleFields(bytes: Uint8Array): Field[] {
  return sectionPlaces(bytes).flatMap((place, index) => new Collector(bytes, place, index).fields);
}

/** A number as LEB128, unsigned. */
export function leb(value: number): Uint8Array {
  return new ByteWriter().u32(value).bytes().slice();
}

/** A signed number as LEB128. */
export function sleb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && !(byte & 0x40)) || (rest === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

/** The bytes with a piece replaced, and the lengths around it made right again. */
export function replaced(
  bytes: Uint8Array,
  { start, end }: { start: number; end: number },
  piece: Uint8Array,
  within: readonly Container[],
): Uint8Array<ArrayBuffer> {
  let result = spliced(bytes, start, end, piece);
  let grown = piece.length - (end - start);
  for (const length of [...within].reverse()) {
    const now = leb(Math.max(0, length.value + grown));
    result = spliced(result, length.start, length.end, now);
    grown += now.length - (length.end - length.start);
  }
  return result;
}

/** The bytes with a piece replaced, and nothing else. */
export function spliced(
  bytes: Uint8Array,
  start: number,
  end: number,
  piece: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length - (end - start) + piece.length);
  result.set(bytes.subarray(0, start));
  result.set(piece, start);
  result.set(bytes.subarray(end), start + piece.length);
  return result;
}
