// A driver's file, read and ready to be loaded: what every placement is given.

import type { Shift } from '../linker/module/adjust.ts';
import type { ModuleFile } from '../linker/module/module-file.ts';
import type { Declared } from './declared.ts';

export interface LoadedModule {
  name: string;
  /** The file's bytes, as they were hashed. */
  bytes: Uint8Array;
  /** SHA-256 of the bytes, lower-case hexadecimal. */
  sha256: string;
  /** The source map beside the file, where there is one. */
  map: string | null;
  file: ModuleFile;
  /** How much it declares. */
  declared: Declared;
  /** Its function names, as the kernel keeps them (./names.ts). */
  names: Uint8Array;
  /** Compiled from the file, adjusted where it had to be (host/linker/module/adjust.ts). */
  module: WebAssembly.Module;
  /** How places in what was compiled lie in the file. */
  shifts: readonly Shift[];
}

/**
 * A file without its source map: enough for a thread that loads it. An image's map is larger than everything else that is
 * posted to a thread, and copied each time.
 */
export function lean(file: LoadedModule): LoadedModule {
  return { ...file, map: null };
}
