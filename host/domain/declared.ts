// How much a file declares, as the kernel is told before anything else of the file (kernel/module/kept.ts decides). Of a file
// that declares more than a module may nothing but that and its bytes is kept: no thread is given lists of what is refused anyway.

import type { ModuleFile } from '../linker/module/module-file.ts';
import {
  MAX_MODULE_EXPORTS,
  MAX_MODULE_FILE,
  MAX_MODULE_FUNCTIONS,
  MAX_MODULE_IMPORTS,
  MAX_MODULE_INFO,
  MAX_MODULE_LIBRARIES,
  MAX_MODULE_PARAMETERS,
  MAX_MODULE_SEGMENTS,
  MAX_MODULE_SYMBOLS,
} from '../../kernel/abi/limits.ts';
import {
  DECLARED_BYTES,
  DECLARED_EXPORTS,
  DECLARED_FUNCTIONS,
  DECLARED_IMPORTS,
  DECLARED_INFO,
  DECLARED_LIBRARIES,
  DECLARED_PARAMETERS,
  DECLARED_SEGMENTS,
  DECLARED_SYMBOLS,
} from '../../kernel/abi/module.ts';

/** How many of what (DECLARED_*). */
export type Declared = readonly (readonly [what: number, count: number])[];

const MOST = new Map([
  [DECLARED_PARAMETERS, MAX_MODULE_PARAMETERS],
  [DECLARED_SYMBOLS, MAX_MODULE_SYMBOLS],
  [DECLARED_EXPORTS, MAX_MODULE_EXPORTS],
  [DECLARED_IMPORTS, MAX_MODULE_IMPORTS],
  [DECLARED_LIBRARIES, MAX_MODULE_LIBRARIES],
  [DECLARED_FUNCTIONS, MAX_MODULE_FUNCTIONS],
  [DECLARED_SEGMENTS, MAX_MODULE_SEGMENTS],
  [DECLARED_INFO, MAX_MODULE_INFO],
  [DECLARED_BYTES, MAX_MODULE_FILE],
]);

export function declaredBy(file: ModuleFile, bytes: number): Declared {
  const info = [...file.modinfo.values()].reduce((sum, { length }) => sum + length, 0);
  return [
    [DECLARED_PARAMETERS, file.parameters.length],
    [DECLARED_SYMBOLS, file.symbols.length],
    [DECLARED_EXPORTS, file.exports.length],
    [DECLARED_IMPORTS, Math.max(file.imports.length, file.weak.size)],
    [DECLARED_LIBRARIES, file.needed.length],
    [DECLARED_FUNCTIONS, file.functions.length],
    [DECLARED_SEGMENTS, file.data.length + file.elements.length],
    [DECLARED_INFO, info],
    [DECLARED_BYTES, bytes],
  ];
}

export function tooMuch(declared: Declared): boolean {
  return declared.some(([what, count]) => count > MOST.get(what)!);
}

/** What is left of a file that declares too much. */
export function outline(file: ModuleFile): ModuleFile {
  const none = { symbols: [], parameters: [], imports: [], exports: [], functions: [], needed: [] };
  return {
    ...{ ...file, ...none, data: [], elements: [] },
    ...{ weak: new Set<string>(), modinfo: new Map<string, string[]>(), versions: new Map<string, number>() },
  };
}
