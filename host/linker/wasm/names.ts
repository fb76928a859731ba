// The `name` section: what functions and globals are called.
//
// Names come from a file and are shown to people: one with control characters could forge a line of a log, so it is
// cleaned before anybody sees it. A damaged name section is as good as none: it never makes a module unusable.

import { BadModule, ByteReader, cleanText, type ByteWriter } from './bytes.ts';

export interface Names {
  module: string;
  functions: Map<number, string>;
  globals: Map<number, string>;
}

const MODULE = 0;
const FUNCTIONS = 1;
const GLOBALS = 7;
/** Longer names are cut. */
const MAX_NAME = 256;

/** A name that may be shown, of a bearable length. */
export function cleanName(name: string): string {
  return cleanText(name.slice(0, MAX_NAME));
}

/** `ramdisk_write` for `drivers/ramdisk/ramdisk_write`; type arguments lose their paths as well. */
export function shortName(name: string): string {
  return name.replace(/[^<>,|:]*\//g, '');
}

function nameMap(reader: ByteReader): Map<number, string> {
  const names = new Map<number, string>();
  for (let left = reader.count(2); left > 0; left--) {
    const index = reader.u32();
    names.set(index, cleanName(reader.text()));
  }
  return names;
}

/** Reads what a name section says; what is damaged in it is left out. */
export function readNames(bytes: Uint8Array, start: number, end: number): Names {
  const names: Names = { module: '', functions: new Map(), globals: new Map() };
  const reader = new ByteReader(bytes, start, end);
  try {
    while (!reader.done) {
      const id = reader.u8();
      const content = reader.part(reader.u32());
      if (id === MODULE) names.module = cleanName(content.text());
      else if (id === FUNCTIONS) names.functions = nameMap(content);
      else if (id === GLOBALS) names.globals = nameMap(content);
    }
  } catch (error) {
    if (!(error instanceof BadModule)) throw error;
  }
  return names;
}

/** A name section with a module's and its functions' names. */
export function writeNames(to: ByteWriter, module: string, functions: ReadonlyMap<number, string>): void {
  to.u8(MODULE).block((part) => part.text(module));
  to.u8(FUNCTIONS).block((part) => {
    part.u32(functions.size);
    for (const [index, name] of [...functions].sort(([a], [b]) => a - b)) part.u32(index).text(name);
  });
}
