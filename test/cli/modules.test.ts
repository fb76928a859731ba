// `isolab depmod` and `isolab modinfo`, and the folder of modules under them.

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { kernelSymbols, ModuleFolder } from '../../host/cli/files/module-folder.ts';
import { runProgram } from '../../host/cli/program.ts';
import { IMAGES } from '../../host/cli/root.ts';
import { openModprobe } from '../../host/machine/modprobe/modprobe.ts';
import { loadFixture } from '../support/fixtures.ts';

let base: Uint8Array;
let stacked: Uint8Array;
beforeAll(async () => {
  base = (await loadFixture('base')).bytes;
  stacked = (await loadFixture('stacked')).bytes;
});

let folder: string;
const folders: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isolab-modules-'));
  folders.push(folder);
  writeFileSync(join(folder, 'base.ko.wasm'), base);
  writeFileSync(join(folder, 'stacked.ko.wasm'), stacked);
});
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true })));

async function isolab(...argv: string[]) {
  const seen = { out: '', said: '' };
  const code = await runProgram(argv, {
    out: (text) => void (seen.out += text),
    progress: (line) => void (seen.said += `${line}\n`),
    signal: new AbortController().signal,
  });
  return { code, ...seen };
}

const DEP = 'base.ko.wasm:\nstacked.ko.wasm: base.ko.wasm\n';

describe('isolab depmod', () => {
  test('writes the index beside the modules', async () => {
    expect(await isolab('depmod', folder)).toEqual({ code: 0, out: '', said: '' });
    expect(readdirSync(folder).sort()).toEqual([
      ...['base.ko.wasm', 'modules.alias', 'modules.dep', 'modules.softdep', 'modules.symbols'],
      'stacked.ko.wasm',
    ]);
    expect(readFileSync(join(folder, 'modules.dep'), 'utf8')).toBe(DEP);
    expect(readFileSync(join(folder, 'modules.symbols'), 'utf8')).toContain('alias symbol:base_count base\n');
  });

  test('-n prints it instead', async () => {
    const { code, out } = await isolab('depmod', '-n', folder);
    expect(code).toBe(0);
    expect(out).toMatch(/^base\.ko\.wasm:\nstacked\.ko\.wasm: base\.ko\.wasm\n# Aliases extracted/);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test('what a module lacks is said', async () => {
    rmSync(join(folder, 'base.ko.wasm'));
    const { code, said } = await isolab('depmod', folder);
    const warnings = ['base_count', 'base_sum', 'base_fill'].map(
      (symbol) => `depmod: WARNING: ${folder}/stacked.ko.wasm needs unknown symbol ${symbol}`,
    );
    expect(said.trimEnd().split('\n').sort()).toEqual(warnings.sort());
    expect(code).toBe(0);
  });

  test('a file that is no module is left out, and the exit code says so', async () => {
    writeFileSync(join(folder, 'broken.ko.wasm'), 'no wasm');
    const { code, said } = await isolab('depmod', folder);
    expect(said).toMatch(/^depmod: ERROR: failed to load symbols from .*\/broken\.ko\.wasm: .+\n/);
    expect(code).toBe(1);
    expect(readFileSync(join(folder, 'modules.dep'), 'utf8')).toBe(DEP);
  });

  test('a folder that is not there', async () => {
    const { code, said } = await isolab('depmod', '/nowhere');
    expect(code).toBe(1);
    expect(said).toBe('isolab: the folder of modules cannot be read: No such file or directory: /nowhere\n');
  });

  test('the project’s own modules lack nothing', async () => {
    expect(kernelSymbols().map(({ name }) => name)).toContain('kzalloc');
    const { code, out, said } = await isolab('depmod', '-n');
    expect({ code, said }).toEqual({ code: 0, said: '' });
    expect(out).toMatch(/^ramdisk\.ko\.wasm:$/m);
  });
});

describe('isolab modinfo', () => {
  test('of a file, of a name, of a field', async () => {
    const file = join(folder, 'stacked.ko.wasm');
    const { code, out } = await isolab('modinfo', file);
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toBe(`filename:       ${file}`);
    expect(out).toMatch(/^depends: {8}base$/m);
    expect(await isolab('modinfo', 'stacked', '--modules', folder)).toEqual({ code: 0, out, said: '' });
    expect((await isolab('modinfo', '-F', 'license', 'base', 'stacked', '--modules', folder)).out).toBe(
      'GPL\nGPL\n',
    );
    expect((await isolab('modinfo', '-p', 'ramdisk')).out).toBe('size:size of the disk in bytes (uint)\n');
  });

  test('one that is not there, and one that is none; the others are printed', async () => {
    writeFileSync(join(folder, 'broken.ko.wasm'), 'no wasm');
    const { code, out, said } = await isolab(...['modinfo', '-n', 'nothing', 'base', '--modules', folder]);
    expect(out).toBe(`${folder}/base.ko.wasm\n`);
    expect(said).toBe('modinfo: ERROR: Module nothing not found.\nisolab: modules without an answer: 1\n');
    expect(code).toBe(1);
    const broken = await isolab('modinfo', join(folder, 'broken.ko.wasm'));
    expect(broken).toMatchObject({ code: 1, out: '' });
    expect(broken.said).toMatch(/^modinfo: ERROR: could not get modinfo from '.*broken\.ko\.wasm': .+\n/);
  });

  test('two fields at once', async () => {
    expect(await isolab('modinfo', '-a', '-l', 'ramdisk')).toMatchObject({
      code: 2,
      said: 'isolab: only one field can be asked for: author, license\nsee isolab --help\n',
    });
  });
});

describe('a folder of modules', () => {
  test('loads by name and by file, compiles once, and anew when the file has changed', async () => {
    const modules = new ModuleFolder(`${folder}/`);
    expect(modules.list()).toEqual(['base', 'stacked']);
    const first = await modules.load('base');
    expect(await modules.load(join(folder, 'base.ko.wasm'))).toBe(first);
    writeFileSync(join(folder, 'base.ko.wasm'), stacked);
    expect((await modules.load('base')).name).toBe('stacked');
    await expect(modules.load('nothing')).rejects.toThrow('No such file or directory');
  });

  test('- and _ are the same', async () => {
    copyFileSync(join(IMAGES, 'null.ko.wasm'), join(folder, 'my-null.ko.wasm'));
    expect((await new ModuleFolder(folder).load('my_null')).name).toBe('null');
  });

  test('its index is the written one, until a module comes, goes, is renamed or changes', async () => {
    const modules = new ModuleFolder(folder);
    await isolab('depmod', folder);
    const mark = (): void => {
      const dep = join(folder, 'modules.dep');
      writeFileSync(dep, readFileSync(dep, 'utf8').replace(': base.ko.wasm', ': base.ko.wasm base.ko.wasm'));
    };
    const marked = async (): Promise<boolean> =>
      (await modules.index())['modules.dep'].includes('base.ko.wasm base.ko.wasm');
    expect((await modules.index())['modules.dep']).toBe(DEP);
    mark();
    expect(await marked()).toBe(true);
    renameSync(join(folder, 'base.ko.wasm'), join(folder, 'other.ko.wasm'));
    expect(await marked()).toBe(false);
    renameSync(join(folder, 'other.ko.wasm'), join(folder, 'base.ko.wasm'));
    expect(await marked()).toBe(true);
    const later = new Date(Date.now() + 10_000);
    utimesSync(join(folder, 'base.ko.wasm'), later, later);
    expect(await marked()).toBe(false);
    rmSync(join(folder, 'modules.alias'));
    expect((await modules.index())['modules.dep']).toBe(DEP);
  });

  test('its configuration is read in order, and modprobe takes it', async () => {
    mkdirSync(join(folder, 'modprobe.d'));
    writeFileSync(join(folder, 'modprobe.d/b.conf'), 'options stacked c=3\nnonsense\n');
    writeFileSync(join(folder, 'modprobe.d/a.conf'), 'options stacked b=2\n');
    writeFileSync(join(folder, 'modprobe.d/a.conf.old'), 'blacklist stacked\n');
    writeFileSync(join(folder, 'modprobe.conf'), 'options stacked a=1\n');
    const modprobe = await openModprobe(new ModuleFolder(folder));
    expect(modprobe.config.problems).toEqual([
      `modprobe: ERROR: ${folder}/modprobe.d/b.conf line 2: ignoring bad line starting with 'nonsense'`,
    ]);
    const nothing = {
      lsmod: () => [],
      insmod: () => Promise.reject(new Error()),
      rmmod: () => Promise.resolve(),
    };
    expect((await modprobe.insert(nothing, 'stacked', 'd=4', { dryRun: true })).out).toEqual([
      `insmod ${folder}/base.ko.wasm `,
      `insmod ${folder}/stacked.ko.wasm a=1 b=2 c=3 d=4`,
    ]);
  });
});
