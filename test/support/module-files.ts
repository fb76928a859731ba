// Modules as readModule would give them, made from what depmod and modprobe look at; without code.

import type { LoadedModule } from '../../host/domain/loaded.ts';
import { symbolCrc } from '../../host/linker/module/crc.ts';
import type { ExportedSymbol, ModuleFile } from '../../host/linker/module/module-file.ts';

const SIGNATURE = { parameters: [0x7f], results: [0x7f] };

export interface Sketch {
  exports?: string[];
  imports?: string[];
  /** Imported through the table of global offsets. */
  offsets?: string[];
  /** Of the imports: asked for, but not needed. */
  weak?: string[];
  needed?: string[];
  /** Of imports, where they are not what their type says. */
  versions?: Record<string, number>;
  modinfo?: Record<string, string[]>;
}

/** A symbol of one i32 parameter and an i32 result, as a kernel or a module exports it. */
export function symbol(name: string): ExportedSymbol {
  return { name, gplOnly: false, data: false, crc: symbolCrc(name, SIGNATURE), kinds: [0] };
}

export function moduleFile(sketch: Sketch): ModuleFile {
  const { exports = [], imports = [], offsets = [], weak = [], needed = [], modinfo = {} } = sketch;
  const file = {
    symbols: exports.map(symbol),
    exports: exports.map((name, index) => ({
      ...{ name, index, kind: 'function', signature: SIGNATURE, value: null },
    })),
    imports: [
      ...imports.map((name) => ({
        ...{ module: 'env', name, kind: 'function', signature: SIGNATURE, crc: symbolCrc(name, SIGNATURE) },
      })),
      ...offsets.map((name) => ({
        module: 'GOT.mem',
        name,
        kind: 'global',
        valueType: 'i32',
        mutable: true,
      })),
      { module: 'env', name: '__memory_base', kind: 'global', valueType: 'i32', mutable: false },
    ],
    versions: new Map(Object.entries(sketch.versions ?? {})),
    weak: new Set(weak.flatMap((name) => [`env.${name}`, `GOT.mem.${name}`])),
    modinfo: new Map(Object.entries(modinfo)),
    needed,
  };
  // What is left out, nobody who is tested with a sketch may look at.
  return file as unknown as ModuleFile;
}

/** One to be inserted into a machine that is none either. */
export function loadedModule(name: string, sketch: Sketch = {}): LoadedModule {
  const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  return {
    ...{ name, bytes, sha256: `sha of ${name}`, map: null, file: moduleFile(sketch) },
    declared: [],
    names: new Uint8Array(),
    module: new WebAssembly.Module(bytes),
    shifts: [],
  };
}
