// A module whose start function is another of its functions, which the module exports: C has no way to write one that does
// more than lld's own. Works on the bytes, so that it can be done in a browser as well.

import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { ByteWriter } from '../../host/linker/bytes.ts';

const START = 8;
const CUSTOM = 0;

/** Sections of a file: id and content. */
function sectionsOf(bytes: Uint8Array): { id: number; content: Uint8Array }[] {
  const sections: { id: number; content: Uint8Array }[] = [];
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
  change: (id: number, content: Uint8Array) => Uint8Array,
): Promise<LoadedModule> {
  const out = new ByteWriter().raw(bytes.subarray(0, 8));
  for (const { id, content } of sectionsOf(bytes)) {
    const changed = change(id, content);
    out.u8(id).u32(changed.length).raw(changed);
  }
  return loadModule(out.bytes().slice(), null, name);
}

/** The module with another start function. It must have one already. */
export function startingWith(loaded: LoadedModule, exported: string): Promise<LoadedModule> {
  const index = loaded.file.exports.find((entry) => entry.name === exported)?.index;
  if (index === undefined || !loaded.file.hasStart) throw new Error(`cannot be started with ${exported}`);
  return rewritten(loaded, (id, content) => (id === START ? new ByteWriter().u32(index).bytes() : content));
}

/** The module with libraries that its dylink.0 section asks for, as lld writes them for libraries on its command line. */
export function needing(loaded: LoadedModule, names: readonly string[]): Promise<LoadedModule> {
  let first = true;
  return rewritten(loaded, (id, content) => {
    if (id !== CUSTOM || !first) return content;
    first = false; // dylink.0 is the first section
    const out = new ByteWriter().raw(content).u8(2);
    out.block((part) => {
      part.u32(names.length);
      for (const name of names) part.text(name);
    });
    return out.bytes().slice();
  });
}
