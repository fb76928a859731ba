// A module that will live in a domain of its own, made known to the kernel: every check that concerns others is made here, in
// the kernel's domain, by the code that loads modules into it (kernel/module/load.ts, remote.ts). What is left to the
// driver's domain is the instance.

import type { Domain } from './domain.ts';
import type { KernelExports } from './image.ts';
import type { LoadedModule } from './loaded.ts';
import { begin, describe, describeParameters, must, need, Refused, refusalOf, resolve } from './steps.ts';
import { symbolText } from '../linker/module/crc.ts';
import { symbolFlags } from '../linker/module/metadata.ts';
import { exported, symbolNamed, type Signature } from '../linker/module/module-file.ts';
import type { ModuleImport } from '../linker/module/module-types.ts';
import { ENOEXEC } from '../../kernel/abi/errno.ts';
import { NAME_SIZE } from '../../kernel/abi/limits.ts';
import { LEVEL_ERR } from '../../kernel/abi/log.ts';
import { MOD_NAME } from '../../kernel/abi/module.ts';

/** A function of another driver that a module imports: it is called through the kernel (host/machine/shared/symbol-calls.ts). */
export interface Gate {
  name: string;
  /** The module that it lies in. */
  owner: string;
  signature: Signature;
  /** KIND_* of each parameter. */
  kinds: number[];
}

const alike = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((type, i) => type === other[i]);

/**
 * What instantiation checks where both are in one domain: a gate carries the owner's parameters, whatever the file claims of
 * versions, and also where force has passed over them.
 */
function mustMatch(
  domain: Domain<KernelExports>,
  module: string,
  wanted: ModuleImport,
  owned: Signature,
): void {
  if (wanted.kind !== 'function') return;
  const { parameters, results } = wanted.signature;
  if (alike(parameters, owned.parameters) && alike(results, owned.results)) return;
  const [asked, given] = [wanted.signature, owned].map((each) => symbolText(wanted.name, each));
  const why = `imported function does not match the expected type: ${asked}, not ${given}`;
  domain.log(LEVEL_ERR, `${module}: ${why}`);
  throw new Refused(ENOEXEC, why);
}

/**
 * @param known the file of a loaded module, by its name
 * @returns the imports that lie in other drivers' domains
 * @throws ModuleError, with everything as it was before
 */
export function announce(
  domain: Domain<KernelExports>,
  loaded: LoadedModule,
  flags: number,
  channel: number,
  known: (name: string) => LoadedModule | undefined,
): Gate[] {
  const { exports } = domain;
  const { name, file } = loaded;
  let mod = 0;
  try {
    mod = begin(domain, loaded, flags, channel + 1);
    describe(domain, loaded, mod);
    need(domain, loaded, mod);
    const gates: Gate[] = [];
    for (const wanted of file.imports) {
      const addressed = wanted.module === 'GOT.mem' || wanted.module === 'GOT.func';
      if (!(wanted.kind === 'function' || addressed)) continue;
      if (addressed && exported(file, wanted.name)) continue; // its own
      resolve(domain, loaded, mod, wanted, flags);
      const owner = exports.resolved_owner();
      const other = owner === 0 ? undefined : known(domain.textAt(owner + MOD_NAME, NAME_SIZE));
      const symbol = other && symbolNamed(other.file, wanted.name);
      const callee = other && exported(other.file, wanted.name);
      if (symbol && callee?.signature) {
        mustMatch(domain, name, wanted, callee.signature);
        gates.push({
          name: wanted.name,
          owner: other.name,
          signature: callee.signature,
          kinds: symbol.kinds,
        });
      }
    }
    file.symbols.forEach((symbol, index) => {
      const bits = symbolFlags(symbol);
      must(exports.module_export(mod, domain.text(symbol.name), index, bits, symbol.crc | 0));
    });
    describeParameters(domain, loaded, mod, 0);
    const has = (entry: string): number => (exported(file, entry) ? 1 : 0);
    must(exports.module_announce(mod, file.memory.size, has('init_module'), has('cleanup_module')));
    return gates;
  } catch (thrown) {
    if (mod) exports.module_gone(mod);
    throw refusalOf(thrown, name) ?? thrown;
  }
}
