// insmod and rmmod in a domain, the same for every placement. The steps and their order are Linux's (kernel/module/load.ts
// decides each of them); here is what needs the host: instantiating, setting table slots. Whatever fails, everything done
// so far is undone and the reason is in the log.
//
// A trap while the module initialises is not caught here: it is a death (in the kernel's domain an oops, and the module
// stays COMING, as in Linux).

import { EINVAL, ENOENT, ENOEXEC, EAGAIN } from '../../kernel/abi/errno.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';
import { LEVEL_ERR } from '../../kernel/abi/log.ts';
import {
  LOAD_TOLD,
  MOD_BASE,
  MOD_TABLE_BASE,
  MOD_TABLE_SIZE,
  SYMBOL_DATA,
  SYMBOL_GPL_ONLY,
} from '../../kernel/abi/module.ts';
import type { ModuleImport } from '../linker/module-file.ts';
import type { Domain } from './domain.ts';
import { addresses, addressTaken, missingFunction, UnknownImport } from './got.ts';
import type { ImageExports } from './image.ts';
import type { LoadedModule } from './loaded.ts';
import { rmmodError } from './module-error.ts';
import { begin, describe, describeParameters, must, need, Refused, refusalOf, resolve } from './steps.ts';

const ENTRY_POINTS = ['__wasm_call_ctors', 'init_module', 'cleanup_module'] as const;

type Callable = (...values: never[]) => unknown;

export interface LoadOptions {
  /** As on insmod's command line: `name=value` separated by spaces; a value with spaces stands in double quotes. */
  parameters: string;
  /** LOAD_* */
  flags: number;
}

export interface Inserted {
  /** Address of its struct module. */
  mod: number;
  exports: WebAssembly.Exports;
}

export interface Unloaded {
  /** What it had not freed itself. */
  leakedBytes: number;
  leakedObjects: number;
  /** The values of its persistent parameters, for its next insmod. */
  persistent: string;
}

/**
 * Loads a module and runs its init.
 *
 * @param gates functions of other domains, by the names under which it imports them
 * @throws ModuleError, with everything as it was before
 */
export function insmod(
  domain: Domain<ImageExports>,
  loaded: LoadedModule,
  options: LoadOptions,
  gates: ReadonlyMap<string, Callable> = new Map(),
): Inserted {
  const { exports } = domain;
  const { name, file } = loaded;
  let mod = 0;
  try {
    const told = exports.module_kallsyms ? 0 : LOAD_TOLD;
    mod = begin(domain, loaded, options.flags | told, 0);
    if (exports.module_kallsyms) {
      describe(domain, loaded, mod);
      need(domain, loaded, mod);
    }
    const entries = ENTRY_POINTS.filter((entry) =>
      file.exports.some((e) => e.kind === 'function' && e.name === entry),
    );
    const functions = file.symbols.filter(({ data }) => !data).map((symbol) => symbol.name);
    const placed = new Set([...entries, ...functions, ...addressTaken(file)]);
    const alignment = Math.log2(file.memory.alignment);
    must(exports.module_layout(mod, file.memory.size, alignment, file.table.size, placed.size));
    const base = domain.words[(mod + MOD_BASE) >> 2]!;
    const tableBase = domain.words[(mod + MOD_TABLE_BASE) >> 2]!;
    const slots = new Map([...placed].map((symbol, i) => [symbol, tableBase + file.table.size + i]));
    const imports = link(domain, loaded, mod, { base, slots, gates, flags: options.flags });
    exports.module_coming(mod);
    const instance = instantiate(domain, loaded, base, tableBase, imports);
    exports.leave_module();
    domain.remember(name, base, loaded);
    for (const [symbol, slot] of slots) domain.table.set(slot, instance.exports[symbol]);
    for (const { name: symbol, gplOnly, data, crc } of file.symbols) {
      const flags = (gplOnly ? SYMBOL_GPL_ONLY : 0) | (data ? SYMBOL_DATA : 0);
      const value = data ? base + dataOffset(loaded, symbol) : slots.get(symbol)!;
      must(exports.module_export(mod, domain.text(symbol), value, flags, crc | 0));
    }
    describeParameters(domain, loaded, mod, base);
    setParameters(domain, mod, options.parameters);
    const at = (entry: (typeof ENTRY_POINTS)[number]): number => slots.get(entry) ?? 0;
    must(exports.module_init(mod, at('__wasm_call_ctors'), at('init_module'), at('cleanup_module')));
    if (exports.concluded) must(exports.concluded(1));
    return { mod, exports: instance.exports };
  } catch (thrown) {
    const error = refusalOf(thrown, name);
    if (!error) throw thrown;
    if (mod) release(domain, name, mod);
    exports.concluded?.(0);
    throw error;
  }
}

/** Where an exported variable lies, from the memory base. */
function dataOffset({ file }: LoadedModule, symbol: string): number {
  return file.exports.find((entry) => entry.name === symbol)?.value ?? 0;
}

/** What a module's imports are bound to beside the domain's own parts. */
interface Binding {
  /** Of its data. */
  base: number;
  /** Of its own functions. */
  slots: ReadonlyMap<string, number>;
  gates: ReadonlyMap<string, Callable>;
  flags: number;
}

function link(
  domain: Domain<ImageExports>,
  loaded: LoadedModule,
  mod: number,
  { base, slots, gates, flags }: Binding,
): WebAssembly.Imports {
  const env: Record<string, Callable> = {};
  for (const wanted of loaded.file.imports) {
    if (wanted.kind !== 'function') continue;
    const { name } = wanted;
    const gate = gates.get(name);
    const slot = gate ? 0 : resolve(domain, loaded, mod, wanted, flags);
    env[name] = gate ?? (slot === 0 ? missingFunction(name) : (domain.table.get(slot) as Callable));
  }
  try {
    const find = (wanted: ModuleImport): number => resolve(domain, loaded, mod, wanted, flags);
    return { env: env, ...addresses(loaded.file, base, slots, find) };
  } catch (error) {
    if (!(error instanceof UnknownImport)) throw error;
    domain.log(LEVEL_ERR, `${loaded.name}: cannot be linked: ${error.message}`);
    throw new Refused(ENOEXEC, `cannot be linked: ${error.message}`);
  }
}

function instantiate(
  domain: Domain<ImageExports>,
  { name, module }: LoadedModule,
  base: number,
  tableBase: number,
  imports: WebAssembly.Imports,
): WebAssembly.Instance {
  try {
    return domain.instantiate(module, base, tableBase, imports);
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError) && !(error instanceof TypeError)) throw error;
    domain.exports.leave_module();
    domain.log(LEVEL_ERR, `${name}: ${error.message}`);
    throw new Refused(ENOEXEC, error.message);
  }
}

/** Longest parameter that is taken, `name=value`. */
const LONGEST_PARAMETER = 1024;

/** The words of a command line; double quotes keep spaces together and are dropped, as Linux does. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ''));
}

function setParameters(domain: Domain<ImageExports>, mod: number, parameters: string): void {
  for (const word of wordsOf(parameters)) {
    const equals = word.indexOf('=');
    const key = equals < 0 ? word : word.slice(0, equals);
    if (word.length > LONGEST_PARAMETER)
      throw new Refused(EINVAL, `parameter of ${word.length} letters: ${key.slice(0, 40)}`);
    const value = equals < 0 ? 0 : domain.text(word.slice(equals + 1));
    const status = domain.exports.module_parameter(mod, domain.text(key), value);
    if (status < 0) throw new Refused(-status, word);
  }
}

/** Clears a module's table slots and frees all it has. */
function release(domain: Domain<ImageExports>, name: string, mod: number): void {
  const first = domain.words[(mod + MOD_TABLE_BASE) >> 2]!;
  const count = domain.words[(mod + MOD_TABLE_SIZE) >> 2]!;
  for (let slot = first; slot < first + count; slot++) domain.table.set(slot, null);
  domain.exports.module_free(mod);
  domain.forget(name);
}

export interface UnloadOptions {
  /** The module's file, where it is known: it says which parameters are persistent. */
  loaded?: LoadedModule | undefined;
  /** UNLOAD_*, 0 for a module that must not be in use. */
  how?: number;
  /** Names those that use it. */
  holders?: () => string[];
}

/**
 * Unloads a module of this domain: runs its cleanup, frees all it has.
 *
 * @throws ModuleError
 */
export function rmmod(
  domain: Domain<ImageExports>,
  name: string,
  { loaded, how = 0, holders = () => [] }: UnloadOptions = {},
): Unloaded {
  const { exports } = domain;
  const mod = name.length < NAME_SIZE ? exports.module_exit(domain.text(name), how) : -ENOENT;
  if (mod < 0) throw rmmodError(name, -mod, mod === -EAGAIN ? holders() : []);
  const unloaded = {
    leakedBytes: exports.module_leaked_bytes(mod),
    leakedObjects: exports.module_leaked_objects(mod),
    persistent: (loaded?.file.modinfo.get('persist') ?? [])
      .map((key) => `"${key}=${parameterText(domain, mod, key)}"`)
      .join(' '),
  };
  release(domain, name, mod);
  return unloaded;
}

function parameterText(domain: Domain<ImageExports>, mod: number, key: string): string {
  const at = domain.exports.module_parameter_text(mod, domain.text(key));
  if (at < 0) return '';
  return domain.textAt(at, LONGEST_PARAMETER);
}
