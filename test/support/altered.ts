// Modules as they were built, altered in what they say of themselves: the file is another, its code is the same.

import type { LoadedModule } from '../../host/domain/loaded.ts';

/** With another value of a key of .modinfo; null takes the key away. */
export function saying({ file, ...loaded }: LoadedModule, key: string, value: string | null): LoadedModule {
  const modinfo = new Map(file.modinfo);
  if (value === null) modinfo.delete(key);
  else modinfo.set(key, [value]);
  return { ...loaded, file: { ...file, modinfo } };
}

/** Built against another version of a symbol that it imports. */
export function versioned({ file, ...loaded }: LoadedModule, symbol: string): LoadedModule {
  if (!file.imports.some(({ name }) => name === symbol)) throw new Error(`is not imported: ${symbol}`);
  return { ...loaded, file: { ...file, versions: new Map(file.versions).set(symbol, 0x5eed) } };
}

/** Without one of its entry points. */
export function without({ file, ...loaded }: LoadedModule, entry: string): LoadedModule {
  return { ...loaded, file: { ...file, exports: file.exports.filter(({ name }) => name !== entry) } };
}

/** Can do without a function that it imports. */
export function weakly({ file, ...loaded }: LoadedModule, symbol: string): LoadedModule {
  return { ...loaded, file: { ...file, weak: new Set(file.weak).add(`env.${symbol}`) } };
}

/** Exports nothing to other modules. */
export function symbolless({ file, ...loaded }: LoadedModule): LoadedModule {
  return { ...loaded, file: { ...file, symbols: [] } };
}
