// insmod and rmmod in a domain, the same for every placement. The steps and their order are Linux's (kernel/module/load.ts
// decides each of them); here is what needs the host: reading the file, instantiating, setting table slots. Whatever
// fails, everything done so far is undone and the reason is in the log.
//
// A trap while the module initialises is not caught here: it is a death (in the kernel's domain an oops, and the module
// stays COMING, as in Linux).

import { EINVAL, ENAMETOOLONG, ENOENT, ENOEXEC } from '../../kernel/abi/errno.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';
import { LEVEL_ERR } from '../../kernel/abi/log.ts';
import {
  MOD_BASE,
  MOD_TABLE_BASE,
  MOD_TABLE_SIZE,
  PARAM_BOOL,
  PARAM_INT,
  PARAM_UINT,
  SYMBOL_GPL_ONLY,
} from '../../kernel/abi/module.ts';
import { TextTooLong, type Domain } from './domain.ts';
import { addresses, addressTaken, UnknownImport } from './got.ts';
import type { ImageExports } from './image.ts';
import type { LoadedModule } from './loaded.ts';
import { insmodError, rmmodError } from './module-error.ts';

const GPL = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);
const PARAMETER_TYPES = { bool: PARAM_BOOL, int: PARAM_INT, uint: PARAM_UINT } as const;
const ENTRY_POINTS = ['__wasm_call_ctors', 'init_module', 'cleanup_module'] as const;

type Callable = (...words: number[]) => number;

/** Thrown inside a load: the errno that the step gave, and what is worth telling beside it. */
class Refused extends Error {
  readonly errno: number;
  readonly detail: string | undefined;

  constructor(errno: number, detail?: string) {
    super(detail);
    this.errno = errno;
    this.detail = detail;
  }
}

function must(status: number): number {
  if (status < 0) throw new Refused(-status);
  return status;
}

/**
 * Loads a module and runs its init.
 *
 * @param parameters as on insmod's command line: `name=value` separated by spaces
 * @throws ModuleError, with everything as it was before
 */
export function insmod(domain: Domain<ImageExports>, loaded: LoadedModule, parameters: string): void {
  const { exports } = domain;
  let mod = 0;
  let announced = false;
  try {
    const { name, file } = loaded;
    const gpl = GPL.has(file.modinfo.get('license')?.[0] ?? '');
    mod = must(
      exports.module_begin(
        domain.text(name),
        domain.text(file.modinfo.get('vermagic')?.[0] ?? ''),
        gpl ? 1 : 0,
      ),
    );
    if (exports.announce) {
      must(exports.announce(domain.text(name), file.memory.size));
      announced = true;
    }
    const entries = ENTRY_POINTS.filter((entry) =>
      file.exports.some((e) => e.kind === 'function' && e.name === entry),
    );
    const symbols = file.symbols.filter(({ data }) => !data).map((symbol) => symbol.name);
    const placed = new Set([...entries, ...symbols, ...addressTaken(file)]);
    const alignment = Math.log2(file.memory.alignment);
    must(exports.module_layout(mod, file.memory.size, alignment, file.table.size, placed.size));
    const base = domain.words[(mod + MOD_BASE) >> 2]!;
    const tableBase = domain.words[(mod + MOD_TABLE_BASE) >> 2]!;
    const slots = new Map([...placed].map((name, i) => [name, tableBase + file.table.size + i]));
    const instance = instantiate(domain, loaded, base, tableBase, resolve(domain, loaded, mod, base, slots));
    domain.remember(name, base, loaded);
    for (const [symbol, slot] of slots) domain.table.set(slot, instance.exports[symbol]);
    for (const { name: symbol, data, gplOnly, crc } of file.symbols) {
      if (data) throw new Refused(ENOEXEC, `exports a variable: ${symbol}`);
      const flags = gplOnly ? SYMBOL_GPL_ONLY : 0;
      must(exports.module_export(mod, domain.text(symbol), slots.get(symbol)!, flags, crc | 0));
    }
    setParameters(domain, loaded, mod, base, parameters);
    const at = (entry: (typeof ENTRY_POINTS)[number]): number => slots.get(entry) ?? 0;
    must(exports.module_init(mod, at('__wasm_call_ctors'), at('init_module'), at('cleanup_module')));
    if (exports.concluded) must(exports.concluded(1));
  } catch (thrown) {
    const error = thrown instanceof TextTooLong ? new Refused(ENAMETOOLONG, thrown.message) : thrown;
    if (!(error instanceof Refused)) throw error;
    if (mod) release(domain, loaded.name, mod);
    if (announced) exports.concluded?.(0);
    throw insmodError(loaded.name, error.errno, error.detail);
  }
}

/** Everything that the module imports but the domain's own. */
function resolve(
  domain: Domain<ImageExports>,
  { name, file }: LoadedModule,
  mod: number,
  base: number,
  slots: ReadonlyMap<string, number>,
): WebAssembly.Imports {
  const find = (symbol: string): number => must(domain.exports.module_resolve(mod, domain.text(symbol)));
  const env: Record<string, Callable> = {};
  for (const wanted of file.imports) {
    if (wanted.kind === 'function') env[wanted.name] = domain.table.get(find(wanted.name)) as Callable;
  }
  try {
    return { env, ...addresses(file, base, slots, find) };
  } catch (error) {
    if (!(error instanceof UnknownImport)) throw error;
    domain.log(LEVEL_ERR, `${name}: cannot be linked: ${error.message}`);
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
    domain.log(LEVEL_ERR, `${name}: ${error.message}`);
    throw new Refused(ENOEXEC, error.message);
  }
}

function setParameters(
  domain: Domain<ImageExports>,
  { name, file }: LoadedModule,
  mod: number,
  base: number,
  parameters: string,
): void {
  for (const word of parameters.split(/\s+/).filter((each) => each !== '')) {
    const equals = word.indexOf('=');
    const key = equals < 0 ? word : word.slice(0, equals);
    if (word.length > 1024)
      throw new Refused(EINVAL, `parameter of ${word.length} letters: ${key.slice(0, 40)}`);
    const parameter = file.parameters.find(
      (each) => each.name.replaceAll('-', '_') === key.replaceAll('-', '_'),
    );
    if (parameter === undefined) {
      domain.exports.module_unknown_parameter(mod, domain.text(key));
      continue;
    }
    if (parameter.array || parameter.type === 'charp')
      throw new Refused(EINVAL, `parameter cannot be set: ${key}`);
    const value = equals < 0 ? 0 : domain.text(word.slice(equals + 1));
    const address = base + parameter.offset;
    const status = domain.exports.module_parameter(
      mod,
      domain.text(key),
      PARAMETER_TYPES[parameter.type],
      address,
      value,
    );
    if (status < 0) throw new Refused(-status, `${name}: ${word}`);
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

/**
 * Unloads a module of this domain: runs its cleanup, frees all it has.
 *
 * @returns what it had not freed itself
 * @throws ModuleError
 */
export function rmmod(
  domain: Domain<ImageExports>,
  name: string,
): { leakedBytes: number; leakedObjects: number } {
  const { exports } = domain;
  const mod = name.length < NAME_SIZE ? exports.module_exit(domain.text(name)) : -ENOENT;
  if (mod < 0) throw rmmodError(name, -mod);
  const leaked = {
    leakedBytes: exports.module_leaked_bytes(mod),
    leakedObjects: exports.module_leaked_objects(mod),
  };
  release(domain, name, mod);
  return leaked;
}
