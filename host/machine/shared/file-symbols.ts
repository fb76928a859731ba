// The symbols of files, by the names in frames. They are read when the first fault needs them, or ahead as idle work, and are
// cached with the file: reading a source map takes milliseconds, which would delay a recovery.

import type { SymbolLookup } from '../../domain/fault.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { ModuleSymbols } from '../../linker/module/symbols.ts';

const cache = new WeakMap<LoadedModule, ModuleSymbols>();

function read(file: LoadedModule): ModuleSymbols {
  const symbols = cache.get(file) ?? new ModuleSymbols(file.bytes, file.map, file.shifts);
  cache.set(file, symbols);
  return symbols;
}

export function symbolsOf(files: readonly LoadedModule[]): SymbolLookup {
  return (name) => {
    const file = files.find((each) => each.name === name);
    return file ? read(file) : null;
  };
}

/** Reads the symbols of files ahead. */
export function readSymbols(files: Iterable<LoadedModule>): void {
  for (const file of files) read(file);
}
