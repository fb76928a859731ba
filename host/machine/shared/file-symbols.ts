// The symbols of files, by the names that frames have. They are read when the first fault wants them, or before, when there is
// time, and kept as long as the file: reading a source map takes milliseconds, in which whoever recovers would have to wait.

import type { SymbolLookup } from '../../domain/fault.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { ModuleSymbols } from '../../linker/module/symbols.ts';

const known = new WeakMap<LoadedModule, ModuleSymbols>();

function read(file: LoadedModule): ModuleSymbols {
  const symbols = known.get(file) ?? new ModuleSymbols(file.bytes, file.map, file.shifts);
  known.set(file, symbols);
  return symbols;
}

export function symbolsOf(files: readonly LoadedModule[]): SymbolLookup {
  return (name) => {
    const file = files.find((each) => each.name === name);
    return file ? read(file) : null;
  };
}

/** Reads the symbols of files that no fault has wanted yet. */
export function readSymbols(files: Iterable<LoadedModule>): void {
  for (const file of files) read(file);
}
