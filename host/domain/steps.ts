// The steps of a load that are the same wherever the module's instance will live: what the kernel is told of a file, and how
// its imports are resolved. kernel/module/load.ts decides each of them.

import { TextTooLong, type Domain } from './domain.ts';
import type { ImageExports } from './image.ts';
import type { LoadedModule } from './loaded.ts';
import { insmodError, ModuleError } from './module-error.ts';
import { cleanText } from '../linker/wasm/bytes.ts';
import { exported, type ModuleFile } from '../linker/module/module-file.ts';
import type { ModuleImport } from '../linker/module/module-types.ts';
import { EINVAL, ENAMETOOLONG, ENOEXEC } from '../../kernel/abi/errno.ts';
import { LEVEL_ERR } from '../../kernel/abi/log.ts';
import {
  LOAD_FORCE,
  LOAD_INTREE,
  PARAM_ARRAY,
  PARAM_BOOL,
  PARAM_CHARP,
  PARAM_INT,
  PARAM_UINT,
  RESOLVE_ADDRESS,
  RESOLVE_DATA,
  RESOLVE_FORCE,
  RESOLVE_WEAK,
} from '../../kernel/abi/module.ts';

const PARAMETER_TYPES = { bool: PARAM_BOOL, int: PARAM_INT, uint: PARAM_UINT, charp: PARAM_CHARP } as const;

/** Thrown inside a load: the errno that the step gave, and what is worth telling beside it. */
export class Refused extends Error {
  readonly errno: number;
  readonly detail: string | undefined;

  constructor(errno: number, detail?: string) {
    super(detail);
    this.errno = errno;
    this.detail = detail;
  }
}

export function must(status: number): number {
  if (status < 0) throw new Refused(-status);
  return status;
}

/** Refuses an import that no loader can give, and says so in the log. */
export function cannotLink(domain: Domain<ImageExports>, module: string, what: string): Refused {
  domain.log(LEVEL_ERR, `${module}: cannot be linked: ${what}`);
  return new Refused(ENOEXEC, `cannot be linked: ${what}`);
}

/** What a load throws, as insmod says it; null where it was no refusal. */
export function refusalOf(thrown: unknown, module: string): ModuleError | null {
  if (thrown instanceof TextTooLong) return insmodError(module, ENAMETOOLONG, thrown.message);
  return thrown instanceof Refused ? insmodError(module, thrown.errno, thrown.detail) : null;
}

/** struct module for a file; `endpoint` is 0, or channel + 1 where its instance will live in another domain. */
export function begin(
  domain: Domain<ImageExports>,
  { name, file, declared }: LoadedModule,
  flags: number,
  endpoint: number,
): number {
  const called = domain.text(name);
  for (const [what, count] of declared) must(domain.exports.module_declares(called, what, count));
  // What the log quotes of it begins no line of its own.
  const said = (key: string): string => cleanText(file.modinfo.get(key)?.[0] ?? '');
  const mod = domain.exports.module_begin(
    domain.text(name),
    domain.text(said('vermagic')),
    domain.text(said('license')),
    flags | (said('intree') === 'Y' ? LOAD_INTREE : 0),
    endpoint,
  );
  if (mod !== -EINVAL) return must(mod);
  domain.log(LEVEL_ERR, `not a name of a module: ${name}`);
  throw new Refused(EINVAL, 'not a name of a module');
}

/** What people see of a module: versions, text addresses, names. In the kernel's domain only. */
export function describe(
  domain: Domain<ImageExports>,
  { file, bytes, names }: LoadedModule,
  mod: number,
): void {
  const { exports } = domain;
  const said = (key: string): number => domain.text(file.modinfo.get(key)?.[0] ?? '');
  must(exports.module_describe(mod, said('version'), said('srcversion'), bytes.length));
  const place = must(exports.module_kallsyms!(mod, names.length));
  domain.bytes.set(names, place);
}

/** The libraries that a module asks for by their files' names are modules that must be loaded. In the kernel's domain only. */
export function need(domain: Domain<ImageExports>, { file }: LoadedModule, mod: number): void {
  for (const library of file.needed) {
    const name = library.replace(/^.*[/\\]/, '').replace(/(\.ko)?\.(wasm|so)$/, '');
    must(domain.exports.module_need!(mod, domain.text(name)));
  }
}

/**
 * Resolves an import of a function or of an address.
 * @returns its table slot, its address, or 0 for a weak one that nobody has
 */
export function resolve(
  domain: Domain<ImageExports>,
  { name, file }: LoadedModule,
  mod: number,
  wanted: ModuleImport,
  flags: number,
): number {
  // Everything else the engine would look up on an object of the host, which has functions of its own.
  if (wanted.kind === 'function' && wanted.module !== 'env')
    throw cannotLink(domain, name, `import ${wanted.module}.${wanted.name}`);
  const data = wanted.module === 'GOT.mem';
  const signed = wanted.kind === 'function' ? wanted.crc : 0;
  const how =
    (data ? RESOLVE_DATA : 0) |
    (wanted.module === 'GOT.func' ? RESOLVE_ADDRESS : 0) |
    (file.weak.has(`env.${wanted.name}`) || file.weak.has(`${wanted.module}.${wanted.name}`)
      ? RESOLVE_WEAK
      : 0) |
    (flags & LOAD_FORCE ? RESOLVE_FORCE : 0);
  const crc = file.versions.get(wanted.name) ?? signed;
  return must(domain.exports.module_resolve(mod, domain.text(wanted.name), crc | 0, how));
}

/** Tells of the parameters; `base` is 0 where the module lives in another domain. */
export function describeParameters(
  domain: Domain<ImageExports>,
  { file }: LoadedModule,
  mod: number,
  base: number,
): void {
  must(domain.exports.module_params(mod, file.parameters.length));
  for (const { name, type, array, count, permissions, offset } of file.parameters) {
    const kind = PARAMETER_TYPES[type] | (array ? PARAM_ARRAY : 0);
    const address = base === 0 ? 0 : base + offset;
    must(domain.exports.module_param_add(mod, domain.text(name), kind, permissions, address, count));
  }
}

const names = new WeakMap<ModuleFile, ReadonlySet<string>>();

/** Whether a module asks for nothing that another could export, be it weakly: the image of its domain has it all, or itself. */
export function standsAlone(file: ModuleFile, image: ModuleFile): boolean {
  const offered = names.get(image) ?? new Set(image.symbols.map(({ name }) => name));
  names.set(image, offered);
  return file.imports.every(
    ({ module, kind, name }) =>
      (kind !== 'function' && !module.startsWith('GOT.')) ||
      offered.has(name) ||
      exported(file, name) !== undefined,
  );
}
