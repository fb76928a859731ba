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
  const file = readModule(bytes);
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const name = file.name || fallback;
  const adjusted = adjustModule(bytes, file, name);
  const module = await WebAssembly.compile(adjusted.bytes);
  return { name, bytes, sha256, map, file, names: namesOf(bytes, file), module, shifts: adjusted.shifts };
}
