// From a file's bytes to a module that can be loaded: read, hashed, compiled. Of one that declares more than a module may only how
// much is known then (./declared.ts).

import { adjustModule } from '../linker/module/adjust.ts';
import { readModule, type ModuleFile } from '../linker/module/module-file.ts';
import { sha256 } from '../linker/module/sha256.ts';
import { declaredBy, outline, tooMuch, type Declared } from './declared.ts';
import { namesOf } from './names.ts';
import { MAX_MODULE_FILE } from '../../kernel/abi/limits.ts';
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
  const declared = declaredBy(file, bytes.length);
  if (tooMuch(declared)) return outlined(name, bytes, file, declared);
  const names = namesOf(file);
  const adjusted = adjustModule(bytes, file, name);
  const sum = sha256(bytes);
  const module = await (adjusted.bytes === bytes ? compiling : WebAssembly.compile(adjusted.bytes));
  const { shifts } = adjusted;
  return { name, bytes, sha256: sum, map, file, declared, names, module, shifts };
}

/** The bytes of a module with nothing in it. */
const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** What there is to load of a file that declares too much: the kernel refuses it for how much. */
function outlined(name: string, bytes: Uint8Array, file: ModuleFile, declared: Declared): LoadedModule {
  const nothing = { map: null, names: new Uint8Array(), module: new WebAssembly.Module(EMPTY), shifts: [] };
  const kept = bytes.length > MAX_MODULE_FILE ? EMPTY : bytes;
  return { ...nothing, name, bytes: kept, sha256: sha256(bytes), file: outline(file), declared };
}
