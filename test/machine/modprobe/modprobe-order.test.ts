// modprobe with soft dependencies and a configuration: what these insert and remove besides.

import { describe, expect, test } from 'vitest';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import type { Sketch } from '../../support/module-files.ts';
import { setUp, TOWER } from '../../support/module-list.ts';

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
    // of the module only, not of those that it needs
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
