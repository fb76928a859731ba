// What a module's file imports and exports, as ./module-file.ts reads it. Types alone.

import type { Signature, Limits, ExportKind } from '../wasm/sections.ts';

export type ModuleImport = { module: string; name: string } & (
  | { kind: 'function'; signature: Signature; crc: number }
  | { kind: 'global'; valueType: string; mutable: boolean }
  | { kind: 'memory'; limits: Limits }
  | { kind: 'table'; limits: Limits }
);
export interface ModuleExport {
  name: string;
  kind: ExportKind;
  index: number;
  /** Of a function. */
  signature: Signature | null;
  /** Of an immutable i32 with a constant value: for data the offset from the memory base. */
  value: number | null;
}
