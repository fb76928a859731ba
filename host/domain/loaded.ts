// A driver's file, read and ready to be loaded: what every placement is given.

import type { ModuleFile } from '../linker/module-file.ts';

export interface LoadedModule {
  name: string;
  /** The file's bytes, as they were hashed and compiled. */
  bytes: Uint8Array;
  /** SHA-256 of the bytes, lower-case hexadecimal. */
  sha256: string;
  /** The source map beside the file, where there is one. */
  map: string | null;
  file: ModuleFile;
  module: WebAssembly.Module;
}
