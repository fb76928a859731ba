// modprobe on a machine that only keeps a list: what is inserted and removed, in which order, and what is said.

import { describe, expect, test } from 'vitest';
import { ModuleError } from '../../host/domain/module-error.ts';
import { BadModule } from '../../host/linker/module-file.ts';
import { depmodStore, type ModuleStore } from '../../host/machine/module-store.ts';
import { joinParameters, Modprobe, type ModuleLoader } from '../../host/machine/modprobe.ts';
import { readConfig } from '../../host/machine/modprobe-config.ts';
import { EEXIST, EINVAL, ENOENT, EPERM } from '../../kernel/abi/errno.ts';
import { loadedModule, type Sketch } from '../support/module-files.ts';

const DIRECTORY = '/lib/modules';

/** A list of modules; who uses whom follows from the sketches. */
class List implements ModuleLoader {
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
const TOWER: Record<string, Sketch> = {
  base: { exports: ['base_call'] },
  middle: { imports: ['base_call'], exports: ['middle_call'] },
  top: { imports: ['middle_call'], modinfo: { alias: ['devname:top', 'char-major-10-*'] } },
  other: { modinfo: { alias: ['char-major-10-7'] } },
};

async function setUp(
  sketches: Record<string, Sketch>,
  configuration = '',
  broken: Record<string, Error> = {},
) {
  const store: ModuleStore = {
    directory: DIRECTORY,
    list: () => Object.keys(sketches).map((name) => `${name}.ko.wasm`),
    load: async (path) => loadedModule(path.replace('.ko.wasm', ''), sketches[path.replace('.ko.wasm', '')]),
  };
  const { texts } = await depmodStore(store, []);
  const config = readConfig(configuration, 'test.conf');
  const breaking: ModuleStore = {
    ...store,
    load: (path) => (broken[path] ? Promise.reject(broken[path]) : store.load(path)),
  };
  return { machine: new List(sketches), modprobe: new Modprobe(breaking, texts, config), config };
}

describe('modprobe', () => {
  test('what a module needs comes first', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    expect(await modprobe.insert(machine, 'top', 'size=1')).toEqual({
      ...{ out: [], errors: [], done: ['base', 'middle', 'top'], status: 0 },
    });
    expect(machine.calls).toEqual(['insmod base', 'insmod middle', 'insmod top size=1']);
  });

  test('what is loaded already is a success, and is passed over as a dependency', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'middle');
    expect((await modprobe.insert(machine, 'top')).done).toEqual(['top']);
    expect(await modprobe.insert(machine, 'top')).toEqual({ out: [], errors: [], done: [], status: 0 });
    expect(await modprobe.insert(machine, 'top', '', { firstTime: true })).toMatchObject({
      errors: ["modprobe: ERROR: could not insert 'top': Module already in kernel"],
      status: 1,
    });
  });

  test('a module that comes in between is a success, with --first-time an error', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    machine.refused.set('base', EEXIST).set('top', EEXIST);
    expect(await modprobe.insert(machine, 'top')).toMatchObject({ errors: [], status: 0, done: ['middle'] });
    expect(await modprobe.insert(machine, 'top', '', { firstTime: true })).toMatchObject({ status: 1 });
  });

  test('- and _ are the same', async () => {
    const { machine, modprobe } = await setUp({ 'my-disk': {} });
    expect((await modprobe.insert(machine, 'my_disk')).done).toEqual(['my_disk']);
    expect(machine.loaded).toEqual(['my-disk']);
    expect(await modprobe.insert(machine, 'my-disk')).toMatchObject({ done: [], status: 0 });
    expect((await modprobe.remove(machine, 'my_disk')).status).toBe(0);
  });

  test('a module that is nowhere is fatal', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    const fatal = `modprobe: FATAL: Module nothing-such not found in directory ${DIRECTORY}`;
    expect(await modprobe.insert(machine, 'nothing-such')).toMatchObject({ errors: [fatal], status: 1 });
    expect(await modprobe.insert(machine, 'nothing-such', '', { quiet: true })).toMatchObject({
      ...{ errors: [], status: 1 },
    });
    expect(await modprobe.insert(machine, 'nothing-such', '', { all: true })).toMatchObject({
      errors: [fatal.replace('FATAL', 'WARNING')],
    });
  });

  test.each([
    [ENOENT, 'Unknown symbol in module, or unknown parameter (see dmesg)'],
    [EINVAL, 'Invalid argument'],
    [EPERM, 'Operation not permitted'],
  ])('insmod refused with %d; what was inserted for it stays', async (errno, words) => {
    const { machine, modprobe } = await setUp(TOWER);
    machine.refused.set('middle', errno);
    expect(await modprobe.insert(machine, 'top')).toEqual({
      ...{
        out: [],
        errors: [`modprobe: ERROR: could not insert 'top': ${words}`],
        done: ['base'],
        status: 1,
      },
    });
    expect(machine.loaded).toEqual(['base']);
  });

  test('a file that is no module, and one that is not there', async () => {
    const { machine, modprobe } = await setUp(TOWER, '', {
      'base.ko.wasm': new BadModule('it has a memory of its own'),
      'other.ko.wasm': new Error('there is no file /lib/modules/other.ko.wasm'),
    });
    expect((await modprobe.insert(machine, 'base')).errors).toEqual([
      "modprobe: ERROR: could not insert 'base': Exec format error (it has a memory of its own)",
    ]);
    expect((await modprobe.insert(machine, 'other')).errors).toEqual([
      "modprobe: ERROR: could not insert 'other': there is no file /lib/modules/other.ko.wasm",
    ]);
  });

  test('a machine that died is the caller’s', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    machine.insmod = () => Promise.reject(new Error('the machine is dead'));
    await expect(modprobe.insert(machine, 'base')).rejects.toThrow('the machine is dead');
  });

  test('--force is passed on', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'other', '', { force: true });
    await modprobe.remove(machine, 'other', { force: true });
    expect(machine.calls).toEqual(['insmod other (forced)', 'rmmod other (forced)']);
  });
});

describe('modprobe that only looks', () => {
  const all = ['base', 'middle', 'top'].map((name) => `insmod ${DIRECTORY}/${name}.ko.wasm `);

  test('--show-depends prints everything, loaded or not', async () => {
    const { machine, modprobe } = await setUp(TOWER, 'options middle speed=2');
    await modprobe.insert(machine, 'base');
    const { out } = await modprobe.insert(machine, 'top', 'a=1 b=2', { showDepends: true });
    expect(out).toEqual([all[0], `${all[1]}speed=2`, `${all[2]}a=1 b=2`]);
    expect(machine.loaded).toEqual(['base']);
  });

  test('--dry-run prints what is left to do, and does nothing', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'base');
    expect(await modprobe.insert(machine, 'top', '', { dryRun: true })).toEqual({
      ...{ out: all.slice(1), errors: [], done: [], status: 0 },
    });
    expect((await modprobe.remove(machine, 'base', { dryRun: true })).out).toEqual(['rmmod base']);
    expect(machine.loaded).toEqual(['base']);
  });

  test('--verbose prints and does', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    expect((await modprobe.insert(machine, 'top', '', { verbose: true })).out).toEqual(all);
    expect((await modprobe.remove(machine, 'top', { verbose: true })).out).toEqual([
      ...['rmmod top', 'rmmod middle', 'rmmod base'],
    ]);
    expect(machine.loaded).toEqual([]);
  });

  test('--show-alias prints names', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    const { out } = await modprobe.insert(machine, 'char-major-10-7', '', { showAlias: true });
    expect(out).toEqual(['top', 'other']);
    expect(modprobe.lookUp('char-major-10-8')).toEqual(['top']);
    expect(modprobe.lookUp('symbol:base_call')).toEqual(['base']);
    expect(modprobe.lookUp('[')).toEqual([]);
    expect(machine.calls).toEqual([]);
  });
});

describe('modprobe -r', () => {
  test('removes what nobody uses any more, users first', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'top');
    expect(await modprobe.remove(machine, 'top')).toEqual({
      ...{ out: [], errors: [], done: ['top', 'middle', 'base'], status: 0 },
    });
  });

  test('what somebody else uses stays', async () => {
    const { machine, modprobe } = await setUp({ ...TOWER, second: { imports: ['base_call'] } });
    await modprobe.insert(machine, 'top');
    await modprobe.insert(machine, 'second');
    expect((await modprobe.remove(machine, 'top')).done).toEqual(['top', 'middle']);
    expect(machine.loaded).toEqual(['base', 'second']);
  });

  test('a module in use stays, by whatever it is used', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'top');
    expect(await modprobe.remove(machine, 'base')).toMatchObject({
      errors: ['modprobe: FATAL: Module base is in use.'],
      ...{ done: [], status: 1 },
    });
    machine.opened.set('top', 1);
    expect(await modprobe.remove(machine, 'top')).toMatchObject({
      errors: ['modprobe: FATAL: Module top is in use.'],
    });
    expect(machine.loaded).toEqual(['base', 'middle', 'top']);
  });

  test('--remove-holders takes them along', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'top');
    await modprobe.remove(machine, 'base', { removeHolders: true });
    expect(machine.loaded).toEqual([]);
  });

  test('what is not loaded, and what is unknown', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    expect(await modprobe.remove(machine, 'top')).toEqual({ out: [], errors: [], done: [], status: 0 });
    expect((await modprobe.remove(machine, 'top', { firstTime: true })).errors).toEqual([
      'modprobe: FATAL: Module top is not in kernel.',
    ]);
    expect((await modprobe.remove(machine, 'nothing')).errors).toEqual([
      'modprobe: FATAL: Module nothing not found.',
    ]);
  });

  test('a refusal is said; one of a dependency is no failure', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    await modprobe.insert(machine, 'top');
    machine.refused.set('middle', EPERM);
    expect(await modprobe.remove(machine, 'top')).toMatchObject({
      errors: ["modprobe: ERROR: could not remove 'middle': Operation not permitted"],
      ...{ done: ['top'], status: 0 },
    });
    expect(await modprobe.remove(machine, 'middle')).toMatchObject({ status: 1 });
  });
});

describe('softdeps', () => {
  const soft = (text: string): Sketch => ({ modinfo: { softdep: [text] } });

  test('pre before, post after, and around what is needed as well; -r takes them away', async () => {
    const { machine, modprobe } = await setUp({
      ...{ early: {}, late: {}, before: {} },
      base: { exports: ['base_call'], ...soft('pre: before') },
      main: { imports: ['base_call'], ...soft('pre: early post: late nowhere') },
    });
    expect((await modprobe.insert(machine, 'main')).done).toEqual([
      ...['before', 'base', 'early', 'main', 'late'],
    ]);
    expect((await modprobe.remove(machine, 'main')).done).toEqual(['late', 'main', 'base', 'early']);
    expect(machine.loaded).toEqual(['before']);
  });

  test('one that fails is passed over; one that is needed as well is not', async () => {
    const { machine, modprobe } = await setUp({
      early: {},
      base: { exports: ['base_call'] },
      main: { imports: ['base_call'], ...soft('pre: early base') },
    });
    machine.refused.set('early', EINVAL);
    expect(await modprobe.insert(machine, 'main')).toMatchObject({ errors: [], done: ['base', 'main'] });
    await modprobe.remove(machine, 'main');
    machine.refused.set('base', EINVAL);
    expect(await modprobe.insert(machine, 'main')).toMatchObject({ done: [], status: 1 });
  });

  test('a loop of them ends', async () => {
    const { machine, modprobe } = await setUp({ a: soft('pre: b'), b: soft('pre: a') });
    expect((await modprobe.insert(machine, 'a')).done).toEqual(['b', 'a']);
    expect((await modprobe.remove(machine, 'a')).done.sort()).toEqual(['a', 'b']);
  });

  test('the configuration comes before the module', async () => {
    const { machine, modprobe } = await setUp({ a: {}, b: {}, main: soft('pre: a') }, 'softdep m* pre: b');
    expect((await modprobe.insert(machine, 'main')).done).toEqual(['b', 'main']);
  });
});

describe('the configuration', () => {
  test('options of the module, then those of the alias, then what was given', async () => {
    const { machine, modprobe } = await setUp(
      TOWER,
      'alias disk other\noptions other a=1\noptions other b="x y"\noptions disk c=3\noptions top no=1',
    );
    await modprobe.insert(machine, 'disk', 'd=4');
    expect(machine.calls).toEqual(['insmod other a=1 b="x y" c=3 d=4']);
  });

  test('an alias comes before a module of that name, and is not looked up again', async () => {
    const { machine, modprobe } = await setUp(TOWER, 'alias top oth*\nalias eth[0-9] other\nalias eth1 base');
    expect(modprobe.lookUp('eth1')).toEqual(['other', 'base']);
    expect(await modprobe.insert(machine, 'top')).toMatchObject({
      errors: ["modprobe: ERROR: could not insert 'oth*': could not find module by name='oth*'"],
    });
    expect((await modprobe.insert(machine, 'top', '', { showDepends: true })).status).toBe(0);
  });

  test('several modules of an alias are all inserted', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    machine.refused.set('top', EINVAL);
    expect(await modprobe.insert(machine, 'char-major-10-7')).toMatchObject({
      ...{ done: ['base', 'middle', 'other'], status: 1 },
    });
  });

  test('the blacklist is for aliases; with --use-blacklist for names; not for what is needed', async () => {
    const { machine, modprobe } = await setUp(TOWER, 'blacklist top\nblacklist base');
    expect(await modprobe.insert(machine, 'devname:top')).toEqual({
      ...{ out: [], errors: [], done: [], status: 0 },
    });
    await modprobe.insert(machine, 'top', '', { useBlacklist: true });
    await modprobe.requestModule(machine, 'top');
    expect(machine.calls).toEqual([]);
    await modprobe.insert(machine, 'top');
    expect(machine.loaded).toEqual(['base', 'middle', 'top']);
  });

  test('a command is not run, and what it stands for is refused', async () => {
    const { machine, modprobe, config } = await setUp(
      TOWER,
      'install ba* /bin/false\nremove other /bin/true\ninstall unreal echo',
    );
    expect(config.problems[0]).toBe(
      'modprobe: ERROR: test.conf line 1: not supported: install ba* /bin/false',
    );
    expect(await modprobe.insert(machine, 'top')).toMatchObject({
      errors: ["modprobe: ERROR: could not insert 'top': not supported: install base /bin/false"],
      done: [],
    });
    // of the module alone, not of what it needs
    expect((await modprobe.insert(machine, 'top', '', { ignoreCommands: true })).done).toEqual([]);
    expect((await modprobe.insert(machine, 'base', '', { ignoreCommands: true })).done).toEqual(['base']);
    expect((await modprobe.insert(machine, 'unreal')).errors).toEqual([
      "modprobe: ERROR: could not insert 'unreal': not supported: install unreal echo",
    ]);
    await modprobe.insert(machine, 'other');
    expect((await modprobe.remove(machine, 'other')).errors).toEqual([
      "modprobe: ERROR: could not remove 'other': not supported: remove other /bin/true",
    ]);
    expect((await modprobe.remove(machine, 'other', { ignoreCommands: true })).done).toEqual(['other']);
  });
});

test('requestModule says nothing of what there is not', async () => {
  const { machine, modprobe } = await setUp(TOWER);
  expect(await modprobe.requestModule(machine, 'devname:nothing')).toMatchObject({ errors: [], status: 1 });
  expect((await modprobe.requestModule(machine, 'devname:top')).done).toEqual(['base', 'middle', 'top']);
});

test('parameters are joined as modprobe does', () => {
  expect(joinParameters(['a=1', 'text=two words', 'quoted="x y"', 'flag', 'empty='])).toBe(
    'a=1 text="two words" quoted="x y" flag empty=',
  );
});
