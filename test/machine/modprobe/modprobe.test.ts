// modprobe on a machine that only keeps a list: what is inserted and removed, in which order, and the messages.

import { describe, expect, test } from 'vitest';
import { BadModule } from '../../../host/linker/module/module-file.ts';
import { joinParameters } from '../../../host/machine/modprobe/modprobe.ts';
import { EEXIST, EINVAL, ENOENT, EPERM } from '../../../kernel/abi/errno.ts';
import { DIRECTORY, setUp, TOWER } from '../../support/module-list.ts';

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
      [`${DIRECTORY}/base.ko.wasm`]: new BadModule('it has a memory of its own'),
      [`${DIRECTORY}/other.ko.wasm`]: new Error('there is no file /lib/modules/other.ko.wasm'),
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

  test('a path is a file, with the dependencies of a module of that name', async () => {
    const { machine, modprobe } = await setUp(TOWER);
    const path = `${DIRECTORY}/new/top.ko.wasm`;
    const { out } = await modprobe.insert(machine, path, 'a=1', { dryRun: true });
    expect(out.slice(1)).toEqual([`insmod ${DIRECTORY}/middle.ko.wasm `, `insmod ${path} a=1`]);
    expect((await modprobe.insert(machine, './extra/other.ko.wasm')).errors).toEqual([
      "modprobe: ERROR: could not insert 'other': there is no file ./extra/other.ko.wasm",
    ]);
    expect((await modprobe.insert(machine, `${DIRECTORY}/middle.ko.wasm`)).done).toEqual(['base', 'middle']);
    expect((await modprobe.remove(machine, `${DIRECTORY}/middle.ko.wasm`)).done).toEqual(['middle', 'base']);
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
