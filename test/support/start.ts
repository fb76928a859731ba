// A C compiler's module, changed in what C cannot say: its start function, the function that relocates its data, the libraries
// it needs. Works on the bytes, so that it can be done in a browser as well.

import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { ByteWriter } from '../../host/linker/wasm/bytes.ts';

const CUSTOM = 0;
const EXPORTS = 7;
const START = 8;
const KINDS = ['function', 'table', 'memory', 'global'];

interface Section {
  id: number;
  content: Uint8Array;
}

function sectionsOf(bytes: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let at = 8; at < bytes.length;) {
    const id = bytes[at++]!;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    sections.push({ id, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return sections;
}

function rewritten(
  { bytes, name }: LoadedModule,
  change: (id: number, content: Uint8Array) => Section[],
): Promise<LoadedModule> {
  const out = new ByteWriter().raw(bytes.subarray(0, 8));
  for (const { id, content } of sectionsOf(bytes)) {
    for (const section of change(id, content))
      out.u8(section.id).u32(section.content.length).raw(section.content);
  }
  return loadModule(out.bytes().slice(), null, name);
}

function indexOf(loaded: LoadedModule, exported: string): number {
  const index = loaded.file.exports.find((entry) => entry.name === exported)?.index;
  if (index === undefined) throw new Error(`there is no export ${exported}`);
  return index;
}

/** The module with another start function, one that it exports. */
export function startingWith(loaded: LoadedModule, exported: string): Promise<LoadedModule> {
  const start = new ByteWriter().u32(indexOf(loaded, exported)).bytes();
  return rewritten(loaded, (id, content) => {
    if (id === START) return [];
    const own = { id, content };
    return id === EXPORTS ? [own, { id: START, content: start }] : [own];
  });
}

/** The module with another function that relocates its data, one that it exports. */
export function relocatingWith(loaded: LoadedModule, exported: string): Promise<LoadedModule> {
  const name = '__wasm_apply_data_relocs';
  const kept = loaded.file.exports.filter((entry) => entry.name !== name);
  const out = new ByteWriter().u32(kept.length + 1);
  for (const entry of kept) out.text(entry.name).u8(KINDS.indexOf(entry.kind)).u32(entry.index);
  out.text(name).u8(0).u32(indexOf(loaded, exported));
  const content = out.bytes();
  return rewritten(loaded, (id, own) => [{ id, content: id === EXPORTS ? content : own }]);
}

/** The module with libraries that its dylink.0 section asks for, as lld writes them for libraries on its command line. */
export function needing(loaded: LoadedModule, names: readonly string[]): Promise<LoadedModule> {
  let first = true;
  return rewritten(loaded, (id, content) => {
    if (id !== CUSTOM || !first) return [{ id, content }];
    first = false; // dylink.0 is the first section
    const out = new ByteWriter().raw(content).u8(2);
    out.block((part) => {
      part.u32(names.length);
      for (const name of names) part.text(name);
    });
    return [{ id, content: out.bytes().slice() }];
  });
}
