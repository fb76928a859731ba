// What a C compiler's module asks for beside functions: addresses, as imported globals (the global offset table).
//
//   GOT.func.NAME   the table slot of a function, so that it can be called by pointer
//   GOT.mem.NAME    the address of data
//   env.NAME        a function that may be missing (a weak symbol), which is called only where its address is not 0
//
// All of them must be right before the module is instantiated: lld 14 writes them into the data from the start function. So
// a slot for an own function is reserved first and set afterwards; an own variable's address is read from the file. What a
// module has itself is its own, whatever others export under that name. Everything else is somebody's symbol: a function's
// value is its slot, so that a function has one address wherever it is taken.

import type { ModuleFile } from '../linker/module/module-file.ts';
import type { ModuleImport } from '../linker/module/module-types.ts';

/** Thrown for a global that no loader can give. */
export class UnknownImport extends Error {}

/** Finds somebody else's symbol. @returns its slot or its address, 0 for a weak symbol that nobody has */
export type FindSymbol = (wanted: ModuleImport) => number;

type Globals = Record<string, WebAssembly.Global>;

const FUNCTIONS = 'GOT.func';
const DATA = 'GOT.mem';

/** Own functions whose address the module takes: each needs a slot before there is an instance. */
export function addressTaken(file: ModuleFile): string[] {
  const own = new Set(file.exports.filter(({ kind }) => kind === 'function').map(({ name }) => name));
  return file.imports
    .filter(({ module, name }) => module === FUNCTIONS && own.has(name))
    .map(({ name }) => name);
}

/**
 * The globals that a module imports as addresses.
 *
 * @param base   of its data
 * @param slots  of its own functions, addressTaken among them
 * @throws UnknownImport, and what `find` throws
 */
export function addresses(
  file: ModuleFile,
  base: number,
  slots: ReadonlyMap<string, number>,
  find: FindSymbol,
): Record<typeof FUNCTIONS | typeof DATA, Globals> {
  const found: Record<typeof FUNCTIONS | typeof DATA, Globals> = { [FUNCTIONS]: {}, [DATA]: {} };
  const variables = new Map(file.exports.map(({ name, value }) => [name, value]));
  for (const wanted of file.imports) {
    const { module, name, kind } = wanted;
    if (kind === 'function' || module === 'env') continue; // symbols, and what the loader always gives
    const plain = kind === 'global' && wanted.valueType === 'i32' && wanted.mutable;
    if (!plain || (module !== FUNCTIONS && module !== DATA))
      throw new UnknownImport(`import ${module}.${name}`);
    const own = variables.get(name) ?? null;
    const value =
      module === FUNCTIONS ? (slots.get(name) ?? find(wanted)) : own === null ? find(wanted) : base + own;
    found[module][name] = new WebAssembly.Global({ value: 'i32', mutable: true }, value);
  }
  return found;
}

/** What a weak function is bound to where nobody has it: its address is 0, and a call is one through a null pointer. */
export function missingFunction(name: string): () => never {
  return () => {
    throw new WebAssembly.RuntimeError(`null function: nobody has the weak symbol ${name}`);
  };
}
