// modprobe without a machine: a list of modules that are loaded, and who uses whom, made from sketches of them.

import { ModuleError } from '../../host/domain/module-error.ts';
import { depmodStore, type ModuleStore } from '../../host/machine/modprobe/module-store.ts';
import { Modprobe, type ModuleLoader } from '../../host/machine/modprobe/modprobe.ts';
import { readConfig } from '../../host/machine/modprobe/modprobe-config.ts';
import { EEXIST, ENOENT } from '../../kernel/abi/errno.ts';
import { loadedModule, type Sketch } from './module-files.ts';

export const DIRECTORY = '/lib/modules';

/** A list of modules; who uses whom follows from the sketches. */
export class List implements ModuleLoader {
  readonly calls: string[] = [];
  readonly refused = new Map<string, number>();
  readonly opened = new Map<string, number>();
  #loaded: string[] = [];
  readonly #sketches: Record<string, Sketch>;

  constructor(sketches: Record<string, Sketch>) {
    this.#sketches = sketches;
  }

  get loaded(): string[] {
    return [...this.#loaded];
  }

  #holders(name: string): string[] {
    const exports = this.#sketches[name]?.exports ?? [];
    return this.#loaded.filter((each) =>
      this.#sketches[each]?.imports?.some((symbol) => exports.includes(symbol)),
    );
  }

  lsmod(): ReturnType<ModuleLoader['lsmod']> {
    return this.#loaded.map((name) => {
      const usedBy = this.#holders(name);
      return { name, state: 'live', references: usedBy.length + (this.opened.get(name) ?? 0), usedBy };
    });
  }

  async insmod(
    { name }: { name: string },
    parameters = '',
    { force = false }: { force?: boolean } = {},
  ): Promise<void> {
    this.calls.push(`insmod ${name} ${parameters}`.trim() + (force ? ' (forced)' : ''));
    const errno = this.refused.get(name) ?? (this.#loaded.includes(name) ? EEXIST : 0);
    if (errno) throw new ModuleError(errno, `could not insert module ${name}`);
    this.#loaded.push(name);
  }

  async rmmod(name: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    this.calls.push(`rmmod ${name}${force ? ' (forced)' : ''}`);
    const errno = this.refused.get(name) ?? (this.#loaded.includes(name) ? 0 : ENOENT);
    if (errno) throw new ModuleError(errno, `could not remove module ${name}`);
    this.#loaded = this.#loaded.filter((each) => each !== name);
  }
}

/** base <- middle <- top; each exports `NAME_call`. */
export const TOWER: Record<string, Sketch> = {
  base: { exports: ['base_call'] },
  middle: { imports: ['base_call'], exports: ['middle_call'] },
  top: { imports: ['middle_call'], modinfo: { alias: ['devname:top', 'char-major-10-*'] } },
  other: { modinfo: { alias: ['char-major-10-7'] } },
};

export async function setUp(
  sketches: Record<string, Sketch>,
  configuration = '',
  broken: Record<string, Error> = {},
) {
  const store: ModuleStore = {
    directory: DIRECTORY,
    list: () => Object.keys(sketches),
    load: async (path) => {
      const name = path.replace(`${DIRECTORY}/`, '').replace('.ko.wasm', '');
      if (!sketches[name]) throw new Error(`there is no file ${path}`);
      return loadedModule(name, sketches[name]);
    },
  };
  const { texts } = await depmodStore(store, []);
  const config = readConfig(configuration, 'test.conf');
  const breaking: ModuleStore = {
    ...store,
    load: (path) => (broken[path] ? Promise.reject(broken[path]) : store.load(path)),
  };
  return { machine: new List(sketches), modprobe: new Modprobe(breaking, texts, config), config };
}
