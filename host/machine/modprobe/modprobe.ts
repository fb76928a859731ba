// modprobe: a module by its name or an alias, with everything that it needs; and away again with what nobody uses then.
//
// It works like kmod's: on a machine's insmod, rmmod and lsmod, an index (depmod) and a configuration. It never throws for
// what the user may have got wrong: that is said in modprobe's words, and the status is 1. When an insertion fails half-way,
// the dependencies that were inserted stay, as kmod leaves them: somebody else may have begun to use them.

import type { LoadedModule } from '../../domain/loaded.ts';
import { ModuleError } from '../../domain/module-error.ts';
import { strerror } from '../../domain/strerror.ts';
import { keyOf, fnmatch, moduleName, normalAlias } from '../../linker/module/alias.ts';
import { BadModule } from '../../linker/module/module-file.ts';
import { ModuleIndex, type IndexTexts } from '../../linker/module/module-index.ts';
import { EEXIST, EINVAL, EIO, ENOENT, ENOEXEC } from '../../../kernel/abi/errno.ts';
import { emptyConfig, type ModprobeConfig } from './modprobe-config.ts';
import { pathIn, type ModuleStore, type ProbeStore } from './module-store.ts';
import { ProbeOrder, type FoundModule } from './probe-order.ts';

/** What modprobe uses of a machine. */
export interface ModuleLoader {
  insmod(module: LoadedModule, parameters?: string, options?: { force?: boolean }): Promise<void>;
  rmmod(name: string, options?: { force?: boolean }): Promise<unknown>;
  lsmod(): { name: string; state: string; references: number; usedBy?: string[] }[];
}

export interface ProbeOptions {
  /** -n: prints the steps and does nothing. */
  dryRun?: boolean;
  /** -D: prints the steps as if nothing were loaded, and does nothing. */
  showDepends?: boolean;
  /** -R: prints the names of the modules and does nothing. */
  showAlias?: boolean;
  /** -v: prints the steps. */
  verbose?: boolean;
  /** -q: says nothing of what went wrong; the status does. */
  quiet?: boolean;
  /** -f: insmod and rmmod with force. */
  force?: boolean;
  /** --first-time: what is loaded already (or, removing, is not) is an error. */
  firstTime?: boolean;
  /** -b: the blacklist is for names as well. */
  useBlacklist?: boolean;
  /** -i: the module's own commands and softdeps are ignored; those of what it needs are not. */
  ignoreCommands?: boolean;
  /** -a: one of many names; what is wrong with it is a warning, since the others are done all the same. */
  all?: boolean;
  /** --remove-holders: removes those who use the module first. */
  removeHolders?: boolean;
}

export interface Probed {
  /** Standard output, lines without their end: `insmod /lib/modules/base.ko.wasm `. */
  out: string[];
  /** Standard error, likewise: `modprobe: FATAL: Module x not found in directory /lib/modules`. */
  errors: string[];
  /** Names of what was inserted or removed, in that order. */
  done: string[];
  status: 0 | 1;
}

/** Said already, as fatal: nothing more is done. */
class Fatal extends Error {
  override readonly name = 'Fatal';
}

/** Module parameters as one text: values with spaces are quoted. */
export function joinParameters(words: readonly string[]): string {
  return words
    .map((word) =>
      word.replace(/^([^=]*=)([^"'].* .*)$/s, (_, key: string, value: string) => `${key}"${value}"`),
    )
    .join(' ');
}

/** modprobe over a store as it is now. */
export async function openModprobe(store: ProbeStore): Promise<Modprobe> {
  return new Modprobe(store, await store.index(), store.config());
}

export class Modprobe {
  readonly store: ModuleStore;
  readonly index: ModuleIndex;
  readonly config: ModprobeConfig;

  constructor(store: ModuleStore, index: ModuleIndex | IndexTexts, config: ModprobeConfig = emptyConfig()) {
    this.store = store;
    this.index = index instanceof ModuleIndex ? index : new ModuleIndex(index);
    this.config = config;
  }

  /**
   * Inserts what a name, an alias or a path (`./disk.ko.wasm`) stands for. Rejects only when the machine itself could not answer.
   * @param parameters for the modules of that name, after those of the configuration
   */
  insert(machine: ModuleLoader, name: string, parameters = '', options: ProbeOptions = {}): Promise<Probed> {
    return new Run(this, machine, options).insert(name, parameters);
  }

  /** Removes what a name or an alias stands for, and then what it needed and nobody uses any more. */
  remove(machine: ModuleLoader, name: string, options: ProbeOptions = {}): Promise<Probed> {
    return new Run(this, machine, options).remove(name);
  }

  /**
   * For the kernel that misses something: `devname:disk`, `char-major-10-42`. Says nothing, and the blacklist holds for
   * names as well. A status of 0 does not promise that the module stayed: the caller looks again.
   */
  requestModule(machine: ModuleLoader, alias: string): Promise<Probed> {
    return this.insert(machine, alias, '', { quiet: true, useBlacklist: true });
  }

  /** Names of the modules that a name or an alias stands for. */
  lookUp(name: string): string[] {
    const normal = normalAlias(name);
    const order = new ProbeOrder(this.index, this.config);
    return normal === null ? [] : order.lookUp(normal).map(({ module }) => module);
  }
}

/** One call of modprobe. */
class Run {
  readonly #out: string[] = [];
  readonly #errors: string[] = [];
  readonly #done: string[] = [];
  readonly #removing = new Set<string>();
  /** By the names of their modules: files that were asked for. */
  readonly #files = new Map<string, string>();
  #status: 0 | 1 = 0;
  readonly #modprobe: Modprobe;
  readonly #machine: ModuleLoader;
  readonly #options: ProbeOptions;
  readonly #order: ProbeOrder;

  constructor(modprobe: Modprobe, machine: ModuleLoader, options: ProbeOptions) {
    this.#modprobe = modprobe;
    this.#machine = machine;
    this.#options = options;
    this.#order = new ProbeOrder(modprobe.index, modprobe.config);
  }

  async insert(name: string, parameters: string): Promise<Probed> {
    return this.#all(
      name,
      `Module ${name} not found in directory ${this.#modprobe.store.directory}`,
      (found) => (this.#options.showAlias ? this.#print(found.module) : this.#insert(found, parameters)),
    );
  }

  async remove(name: string): Promise<Probed> {
    return this.#all(name, `Module ${name} not found.`, ({ module }) => this.#remove(module));
  }

  async #all(
    name: string,
    missing: string,
    work: (found: FoundModule) => Promise<void> | void,
  ): Promise<Probed> {
    try {
      const found = this.#lookUp(name);
      if (found.length === 0) this.#fatal(missing);
      for (const each of found) await work(each);
    } catch (error) {
      if (!(error instanceof Fatal)) throw error;
    }
    return { out: this.#out, errors: this.#errors, done: this.#done, status: this.#status };
  }

  /** A word that begins like a path is a file, with what the index says of a module of that name. */
  #lookUp(name: string): FoundModule[] {
    if (/^\.?\//.test(name)) {
      const module = moduleName(name);
      this.#files.set(module, name);
      return [{ module, alias: null }];
    }
    const normal = normalAlias(name);
    return normal === null ? [] : this.#order.lookUp(normal);
  }

  #print(line: string): void {
    this.#out.push(line);
  }

  /** A step, where steps are shown. */
  #show(line: string): void {
    const { dryRun, showDepends, verbose } = this.#options;
    if (dryRun || showDepends || verbose) this.#print(line);
  }

  get #pretends(): boolean {
    return (this.#options.dryRun || this.#options.showDepends) ?? false;
  }

  #error(text: string): void {
    this.#status = 1;
    if (!this.#options.quiet) this.#errors.push(`modprobe: ERROR: ${text}`);
  }

  /** What went wrong on the way and is not what was asked for. */
  #warn(text: string | null): void {
    if (text !== null && !this.#options.quiet) this.#errors.push(`modprobe: ERROR: ${text}`);
  }

  #fatal(text: string): never {
    this.#status = 1;
    const level = this.#options.all ? 'WARNING' : 'FATAL';
    if (!this.#options.quiet) this.#errors.push(`modprobe: ${level}: ${text}`);
    throw new Fatal(text);
  }

  #loaded(name: string): ReturnType<ModuleLoader['lsmod']>[number] | null {
    return this.#machine.lsmod().find((each) => keyOf(each.name) === name) ?? null;
  }

  #command(kind: 'install' | 'remove', name: string): string | null {
    const found = this.#modprobe.config.commands.find(
      (each) => each.kind === kind && fnmatch(each.module, name),
    );
    return found ? `not supported: ${kind} ${name} ${found.command}` : null;
  }

  #parameters(name: string, alias: string | null): string[] {
    return this.#modprobe.config.options
      .filter(({ module }) => module === name || module === alias)
      .map(({ text }) => text);
  }

  async #insert({ module, alias }: FoundModule, parameters: string): Promise<void> {
    const { firstTime, useBlacklist, showDepends, ignoreCommands } = this.#options;
    if (!showDepends && this.#loaded(module)?.state === 'live') {
      if (firstTime) this.#error(`could not insert '${module}': Module already in kernel`);
      return;
    }
    // An alias says only that the module would do; who names it wants it.
    if (this.#modprobe.config.blacklist.has(module) && (alias !== null || useBlacklist)) return;
    for (const step of this.#order.steps(module, ignoreCommands)) {
      const asked = step.module === module;
      const options = this.#parameters(step.module, asked ? alias : null);
      const text = [...options, ...(asked && parameters !== '' ? [parameters] : [])].join(' ');
      const failure = await this.#step(step.module, text, asked && ignoreCommands === true);
      if (failure === null || !step.required) continue;
      // A module that came in between is as good, unless it had to be ours.
      if (failure.errno === EEXIST && !(asked && firstTime)) continue;
      this.#error(`could not insert '${module}': ${failure.words}`);
      return;
    }
  }

  /** @returns null, or why it was not inserted */
  async #step(name: string, parameters: string, commandless: boolean): Promise<Failure | null> {
    if (!this.#options.showDepends && this.#loaded(name)?.state === 'live') return null;
    // Softdeps do what a command was for: where there are any, it is not run.
    const { pre, post } = this.#order.softdeps(name);
    const command = commandless || pre.length + post.length > 0 ? null : this.#command('install', name);
    if (command !== null) return { errno: EINVAL, words: command };
    const { store, index } = this.#modprobe;
    const indexed = index.module(name);
    const path = this.#files.get(name) ?? (indexed && pathIn(store, indexed.path));
    if (path === null) {
      // What an alias of the configuration names need not be there: `alias net-pf-10 off`.
      return this.#pretends ? null : { errno: ENOENT, words: `could not find module by name='${name}'` };
    }
    this.#show(`insmod ${path} ${parameters}`);
    if (this.#pretends) return null;
    const module = await store.load(path).catch(unreadable);
    if ('errno' in module) return module;
    try {
      await this.#machine.insmod(module, parameters, { force: this.#options.force ?? false });
    } catch (error) {
      return refusal(error);
    }
    this.#done.push(name);
    return null;
  }

  async #remove(name: string): Promise<void> {
    const { ignoreCommands, removeHolders, firstTime } = this.#options;
    const command = ignoreCommands ? null : this.#command('remove', name);
    if (command !== null) return this.#error(`could not remove '${name}': ${command}`);
    if (this.#removing.has(name)) return;
    this.#removing.add(name);
    const loaded = this.#loaded(name);
    if (!loaded) {
      if (firstTime) this.#fatal(`Module ${name} is not in kernel.`);
      return;
    }
    const { pre, post } = ignoreCommands ? { pre: [], post: [] } : this.#order.softdeps(name);
    await this.#removeUnused(post.reverse());
    if (removeHolders) for (const holder of loaded.usedBy ?? []) await this.#remove(holder);
    if ((this.#loaded(name)?.references ?? 0) > 0) this.#fatal(`Module ${name} is in use.`);
    const failure = await this.#rmmod(name);
    if (failure !== null) return this.#error(failure);
    // Users before what they use, so that nothing is kept by a module that goes as well (kmod looks the other way round,
    // and leaves what was needed only indirectly).
    for (const each of [...this.#order.dependencies(name)].reverse()) {
      if (this.#isUnused(each)) this.#warn(await this.#rmmod(each));
    }
    await this.#removeUnused(pre.reverse());
  }

  /** Softdeps: one that is in use stays, and nothing is said of it. */
  async #removeUnused(names: string[]): Promise<void> {
    for (const name of names) if (this.#isUnused(name)) await this.#remove(name);
  }

  #isUnused(name: string): boolean {
    const loaded = this.#loaded(name);
    return loaded?.state === 'live' && loaded.references === 0;
  }

  /** @returns null, or why it was not removed */
  async #rmmod(name: string): Promise<string | null> {
    this.#show(`rmmod ${name}`);
    if (this.#pretends) return null;
    try {
      await this.#machine.rmmod(name, { force: this.#options.force ?? false });
    } catch (error) {
      const { errno } = refusal(error);
      if (errno === ENOENT && !this.#options.firstTime) return null;
      return `could not remove '${name}': ${strerror(errno)}`;
    }
    this.#done.push(name);
    return null;
  }
}

interface Failure {
  errno: number;
  words: string;
}

/** Why a machine refused, in modprobe's words; rethrows what is no refusal. */
function refusal(error: unknown): Failure {
  if (!(error instanceof ModuleError)) throw error;
  const { errno, detail } = error;
  if (errno === EEXIST) return { errno, words: 'Module already in kernel' };
  if (errno === ENOENT) return { errno, words: 'Unknown symbol in module, or unknown parameter (see dmesg)' };
  return { errno, words: strerror(errno) + (detail === null ? '' : ` (${detail})`) };
}

/** Why a file is no module, or cannot be read. */
function unreadable(error: unknown): Failure {
  if (error instanceof BadModule || error instanceof WebAssembly.CompileError) {
    return { errno: ENOEXEC, words: `${strerror(ENOEXEC)} (${error.message})` };
  }
  if (!(error instanceof Error)) throw error;
  return { errno: EIO, words: error.message };
}
