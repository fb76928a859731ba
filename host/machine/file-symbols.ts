// The symbols of files, by the names that frames have. They are read when the first fault wants them, and kept as long as the
// file: reading a source map takes milliseconds, in which the next incarnation could have started.

import type { SymbolLookup } from '../domain/fault.ts';
import type { LoadedModule } from '../domain/loaded.ts';
import { ModuleSymbols } from '../linker/symbols.ts';

const known = new WeakMap<LoadedModule, ModuleSymbols>();

export function symbolsOf(files: readonly LoadedModule[]): SymbolLookup {
  return (name) => {
    const file = files.find((each) => each.name === name);
    if (!file) return null;
    const symbols = known.get(file) ?? new ModuleSymbols(file.bytes, file.map, file.shifts);
    known.set(file, symbols);
    return symbols;
  };
}
