// From a file's bytes to a module that can be loaded: read, hashed, compiled.

import { readModule } from '../linker/module-file.ts';
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
  return { name: file.name || fallback, bytes, sha256, map, file, module: await WebAssembly.compile(bytes) };
}
