// From a file's bytes to a module that can be loaded: read, hashed, compiled.

import { adjustModule } from '../linker/adjust.ts';
import { readModule } from '../linker/module-file.ts';
import { sha256 } from '../linker/sha256.ts';
import { namesOf } from './names.ts';
import type { LoadedModule } from './loaded.ts';

/**
 * @param fallback the module's name where the file itself has none
 * @throws BadModule, or the engine's CompileError
 */
export async function loadModule(
  bytes: Uint8Array<ArrayBuffer>,
  map: string | null,
  fallback: string,
): Promise<LoadedModule> {
  // The engine compiles on another thread, while this one reads and hashes.
  const compiling = WebAssembly.compile(bytes);
  compiling.catch(() => {}); // what is wrong with it, readModule says first, and better
  const file = readModule(bytes);
  const name = file.name || fallback;
  const names = namesOf(file);
  const adjusted = adjustModule(bytes, file, name);
  const sum = sha256(bytes);
  const module = await (adjusted.bytes === bytes ? compiling : WebAssembly.compile(adjusted.bytes));
  return { name, bytes, sha256: sum, map, file, names, module, shifts: adjusted.shifts };
}
