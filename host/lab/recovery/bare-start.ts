// The floor of a recovery: what the engine alone takes to bring an image and its modules to life again. A table, an instance of
// each with imports of the right types, data and relocations in place; nobody boots, links or registers anything.

import type { LoadedModule } from '../../domain/loaded.ts';
import type { Image } from '../../domain/image.ts';
import { DOMAIN_MEMORY, IMAGE_BASE, MODULES_BASE, TABLE_SIZE, WASM_PAGE } from '../../../kernel/abi/map.ts';

const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32' }, value);
const nothing = (): number => 0;

/** Room for each module's data. */
const STEP = 0x40000;

export class BareStart {
  private readonly image: Image;
  private readonly modules: readonly LoadedModule[];
  private readonly memory: WebAssembly.Memory;

  constructor(image: Image, modules: readonly LoadedModule[]) {
    this.image = image;
    this.modules = modules;
    const pages = DOMAIN_MEMORY / WASM_PAGE;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  }

  /** Does it once. @returns ms */
  sample(): number {
    const started = performance.now();
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_SIZE });
    const stack = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
    const env = (memoryBase: number, tableBase: number): WebAssembly.ModuleImports => ({
      ...{ memory: this.memory, __indirect_function_table: table, __stack_pointer: stack },
      ...{ __memory_base: constant(memoryBase), __table_base: constant(tableBase) },
    });
    const host = Object.fromEntries(
      this.image.file.imports
        .filter(({ module, kind }) => module === 'host' && kind === 'function')
        .map(({ name }) => [name, nothing as unknown as WebAssembly.ExportValue]),
    );
    const { exports } = start(this.image.module, { host, env: env(IMAGE_BASE, 1) });
    let slot = 1 + this.image.file.table.size;
    this.modules.forEach(({ file, module }, index) => {
      const symbols = file.imports
        .filter(({ kind, name }) => kind === 'function' && exports[name] !== undefined)
        .map(({ name }) => [name, exports[name]!] as const);
      const base = MODULES_BASE + index * STEP;
      start(module, { env: { ...Object.fromEntries(symbols), ...env(base, slot) } });
      slot += file.table.size;
    });
    return performance.now() - started;
  }
}

function start(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
  const instance = new WebAssembly.Instance(module, imports);
  const relocate = instance.exports['__wasm_apply_data_relocs'] as unknown as (() => void) | undefined;
  relocate?.();
  return instance;
}
