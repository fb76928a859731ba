// insmod and rmmod in a domain, the same for every placement. The steps and their order are Linux's (kernel/module/load.ts
// decides each of them); here is what needs the host: instantiating, setting table slots. Whatever fails, everything done
// so far is undone and the reason is in the log.
//
// A trap while the module initialises is not caught here: it is a death (in the kernel's domain an oops, and the module
// stays COMING, as in Linux).

import { EINVAL, ENOENT, ENOEXEC, EAGAIN } from '../../kernel/abi/errno.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';
import { LEVEL_ERR } from '../../kernel/abi/log.ts';
import { LOAD_TOLD, MOD_BASE, MOD_TABLE_BASE, MOD_TABLE_SIZE } from '../../kernel/abi/module.ts';
import { symbolFlags } from '../linker/module/metadata.ts';
import { dataOffset, exported } from '../linker/module/module-file.ts';
import type { ModuleImport } from '../linker/module/module-types.ts';
import { crossing } from './crossing.ts';
import { relocate, type Domain } from './domain.ts';
import { addresses, addressTaken, missingFunction, UnknownImport } from './got.ts';
import type { ImageExports } from './image.ts';
import type { LoadedModule } from './loaded.ts';
import { rmmodError } from './module-error.ts';
import {
  begin,
  cannotLink,
  describe,
  describeParameters,
  must,
  need,
  Refused,
  refusalOf,
  resolve,
} from './steps.ts';

const ENTRY_POINTS = ['__wasm_call_ctors', 'init_module', 'cleanup_module'] as const;

type Callable = (...values: never[]) => unknown;

export interface LoadOptions {
  /** As on insmod's command line: `name=value` separated by spaces; a value with spaces stands in double quotes. */
  parameters: string;
  /** What persistent parameters were when the module was unloaded; set before those that are given. */
  persistent?: Persistent;
  /** LOAD_* */
  flags: number;
}

/** Values of parameters by their names. */
export type Persistent = ReadonlyMap<string, string>;

export interface Inserted {
  /** Address of its struct module. */
  mod: number;
  exports: WebAssembly.Exports;
}

export interface Unloaded {
  /** What it had not freed itself. */
  leakedBytes: number;
  leakedObjects: number;
  /** The values of its persistent parameters, for its next insmod; null pointers are left out. */
  persistent: Persistent;
}

/** A module that is fully formed, as Linux says: it is instantiated in a domain, and its init has not run. */
export interface Formed extends Inserted {
  loaded: LoadedModule;
  /** Of its data. */
  base: number;
  /** Of its functions. */
  slots: ReadonlyMap<string, number>;
}

/**
 * Loads a module and runs its init.
 *
 * @throws ModuleError, with everything as it was before
 */
export function insmod(domain: Domain<ImageExports>, loaded: LoadedModule, options: LoadOptions): Inserted {
  return initialise(domain, form(domain, loaded, options.flags), options);
}

/**
 * The steps of a load before the first that runs code of the module; only a start function has run.
 *
 * @param gates functions of other domains, by the names under which it imports them
 * @throws ModuleError, with everything as it was before
 */
export function form(
  domain: Domain<ImageExports>,
  loaded: LoadedModule,
  flags: number,
  gates: ReadonlyMap<string, Callable> = new Map(),
): Formed {
  const { exports } = domain;
  const { name, file } = loaded;
  let mod = 0;
  try {
    const told = exports.module_kallsyms ? 0 : LOAD_TOLD;
    mod = begin(domain, loaded, flags | told, 0);
    if (exports.module_kallsyms) {
      describe(domain, loaded, mod);
      need(domain, loaded, mod);
    }
    const entries = ENTRY_POINTS.filter((entry) => exported(file, entry)?.kind === 'function');
    const functions = file.symbols.filter(({ data }) => !data).map((symbol) => symbol.name);
    const placed = new Set([...entries, ...functions, ...addressTaken(file)]);
    const alignment = Math.log2(file.memory.alignment);
    must(exports.module_layout(mod, file.memory.size, alignment, file.table.size, placed.size));
    const base = domain.words[(mod + MOD_BASE) >> 2]!;
    const tableBase = domain.words[(mod + MOD_TABLE_BASE) >> 2]!;
    const slots = new Map([...placed].map((symbol, i) => [symbol, tableBase + file.table.size + i]));
    const imports = link(domain, loaded, mod, { base, slots, gates, flags });
    exports.module_coming(mod);
    const instance = instantiate(domain, loaded, base, tableBase, imports);
    exports.leave_module();
    for (const [symbol, slot] of slots) domain.table.set(slot, instance.exports[symbol]);
    for (const symbol of file.symbols) {
      const value = symbol.data ? base + dataOffset(file, symbol.name) : slots.get(symbol.name)!;
      must(exports.module_export(mod, domain.text(symbol.name), value, symbolFlags(symbol), symbol.crc | 0));
    }
    return { loaded, mod, base, slots, exports: instance.exports };
  } catch (thrown) {
    throw undone(domain, name, mod, thrown);
  }
}

/**
 * The steps behind those: its relocations, its parameters, its constructors, its init.
 *
 * @throws ModuleError, with everything as it was before
 */
export function initialise(
  domain: Domain<ImageExports>,
  { loaded, mod, base, slots, exports: own }: Formed,
  options: LoadOptions,
): Inserted {
  const { exports } = domain;
  const { name } = loaded;
  try {
    exports.module_coming(mod); // whose code runs now
    relocate(own);
    exports.leave_module();
    domain.remember(name, base, loaded);
    describeParameters(domain, loaded, mod, base);
    restoreParameters(domain, mod, options.persistent);
    setParameters(domain, mod, options.parameters);
    const at = (entry: (typeof ENTRY_POINTS)[number]): number => slots.get(entry) ?? 0;
    must(exports.module_init(mod, at('__wasm_call_ctors'), at('init_module'), at('cleanup_module')));
    if (exports.concluded) must(exports.concluded(1));
    return { mod, exports: own };
  } catch (thrown) {
    throw undone(domain, name, mod, thrown);
  }
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
    const owner = gate || slot === 0 ? 0 : domain.exports.resolved_owner();
    const bound = gate ?? (slot === 0 ? missingFunction(name) : (domain.table.get(slot) as Callable));
    env[name] =
      owner === 0 || owner === mod
        ? bound
        : (crossing(bound, owner, wanted.signature, domain.memory) as Callable);
  }
  try {
    const find = (wanted: ModuleImport): number => resolve(domain, loaded, mod, wanted, flags);
    return { env: env, ...addresses(loaded.file, base, slots, find) };
  } catch (error) {
    if (!(error instanceof UnknownImport)) throw error;
    throw cannotLink(domain, loaded.name, error.message);
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

const SPACE = /\s/;

/**
 * Takes a command line apart as Linux's next_arg does: a quote anywhere keeps spaces together, and is dropped where it
 * stands at the front of a word or a value and at the end.
 *
 * @returns names and values; null where there is no `=`
 */
function argumentsOf(line: string): [key: string, value: string | null][] {
  const found: [string, string | null][] = [];
  for (let at = 0; ;) {
    while (at < line.length && SPACE.test(line[at]!)) at++;
    if (at === line.length) return found;
    const quoted = line[at] === '"';
    if (quoted) at++;
    const start = at;
    let equals = 0;
    for (let open = quoted; at < line.length && (open || !SPACE.test(line[at]!)); at++) {
      if (line[at] === '=' && equals === 0) equals = at;
      if (line[at] === '"') open = !open;
    }
    const word = line.slice(start, at);
    if (equals === 0) {
      found.push([quoted ? word.replace(/"$/, '') : word, null]);
      continue;
    }
    let value = line.slice(equals + 1, at);
    if (quoted || value.startsWith('"')) value = value.replace(/"$/, '');
    found.push([line.slice(start, equals), value.replace(/^"/, '')]);
  }
}

function setParameters(domain: Domain<ImageExports>, mod: number, parameters: string): void {
  for (const [key, value] of argumentsOf(parameters)) {
    const length = key.length + (value === null ? 0 : value.length + 1);
    if (length > LONGEST_PARAMETER)
      throw new Refused(EINVAL, `parameter of ${length} letters: ${key.slice(0, 40)}`);
    const text = value === null ? 0 : domain.text(value);
    const status = domain.exports.module_parameter(mod, domain.text(key), text);
    if (status < 0) throw new Refused(-status, value === null ? key : `${key}=${value}`);
  }
}

/** One that the module does not take any more, being another, is told in the log and keeps nobody from loading it. */
function restoreParameters(
  domain: Domain<ImageExports>,
  mod: number,
  persistent: Persistent = new Map(),
): void {
  for (const [key, value] of persistent)
    domain.exports.module_parameter(mod, domain.text(key), domain.text(value));
}

/** Undoes a load that was refused; a trap leaves things as they are. @returns what is to be thrown */
function undone(domain: Domain<ImageExports>, name: string, mod: number, thrown: unknown): unknown {
  const refused = refusalOf(thrown, name);
  if (refused && mod) release(domain, name, mod);
  if (refused) domain.exports.concluded?.(0);
  return refused ?? thrown;
}

/** Clears a module's table slots and frees all it has; none of its code runs. */
export function release(domain: Domain<ImageExports>, name: string, mod: number): void {
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
    persistent: new Map(
      (loaded?.file.modinfo.get('persist') ?? []).flatMap((key) => {
        const value = parameterText(domain, mod, key);
        return value === null ? [] : [[key, value]];
      }),
    ),
  };
  release(domain, name, mod);
  return unloaded;
}

function parameterText(domain: Domain<ImageExports>, mod: number, key: string): string | null {
  const at = domain.exports.module_parameter_text(mod, domain.text(key));
  return at <= 0 ? null : domain.textAt(at, LONGEST_PARAMETER);
}
