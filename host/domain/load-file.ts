// From a file's bytes to a module that can be loaded: read, hashed, compiled.

import { adjustModule } from '../linker/adjust.ts';
import { readModule } from '../linker/module-file.ts';
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
  // The engine compiles and hashes on other threads, while this one reads.
  const compiling = WebAssembly.compile(bytes);
  const hashing = crypto.subtle.digest('SHA-256', bytes);
  compiling.catch(() => {}); // what is wrong with it, readModule says first, and better
  const file = readModule(bytes);
  const name = file.name || fallback;
  const names = namesOf(file);
  const adjusted = adjustModule(bytes, file, name);
  const module = adjusted.bytes === bytes ? compiling : WebAssembly.compile(adjusted.bytes);
  const [digest, compiled] = await Promise.all([hashing, module]);
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { name, bytes, sha256, map, file, names, module: compiled, shifts: adjusted.shifts };
}
