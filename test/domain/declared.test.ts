// What a file may declare, and what is kept of it, over the real kernel image: what is beyond a limit is refused by the first
// step of a load, at the limit all of it is found, and what is kept is the module's, bounded, and given back.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { announce } from '../../host/domain/announce.ts';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { insmod, rmmod } from '../../host/domain/loader.ts';
import { ModuleError } from '../../host/domain/module-error.ts';
import { declaring, MANY, type Many } from '../../host/fault/mutate-many.ts';
import { readModules } from '../../host/machine/inspect/lists.ts';
import { E2BIG, ENOMEM } from '../../kernel/abi/errno.ts';
import {
  MAX_CHANNELS,
  MAX_MODULE_FILE,
  MAX_MODULE_FUNCTIONS,
  MAX_MODULE_IMPORTS,
  MAX_MODULE_INFO,
  MAX_MODULE_LIBRARIES,
  MAX_MODULE_PARAMETERS,
  MAX_MODULE_SYMBOLS,
  MAX_SYMBOLS,
  MODULE_SHARE,
} from '../../kernel/abi/limits.ts';
import { PAGE_SIZE } from '../../kernel/abi/map.ts';
import { DECLARED_BYTES, LOAD_INTREE, MOD_BASE, PARAM_CHARP } from '../../kernel/abi/module.ts';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const NULL = new Uint8Array(
  readFileSync(fileURLToPath(new URL('../../dist/images/null.ko.wasm', import.meta.url))),
);

const LIMITS: Record<Many, [most: number, noun: string]> = {
  parameters: [MAX_MODULE_PARAMETERS, 'parameters'],
  functions: [MAX_MODULE_FUNCTIONS, 'functions'],
  symbols: [MAX_MODULE_SYMBOLS, 'exported symbols'],
  libraries: [MAX_MODULE_LIBRARIES, 'needed libraries'],
  aliases: [MAX_MODULE_INFO, 'entries of .modinfo'],
  imports: [MAX_MODULE_IMPORTS, 'imports'],
};

let image: LoadedModule;
let kernel: TestKernel;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
});

const text = (each: string): number => kernel.domain.text(each);
const declaresMany = (what: Many, count: number): Promise<LoadedModule> =>
  loadModule(declaring(NULL, what, count), null, 'null');
const load = (module: LoadedModule): unknown => insmod(kernel.domain, module, { parameters: '', flags: 0 });
const kept = (name: string): number => readModules(kernel.memory).find((each) => each.name === name)!.kept;
/** struct module of one that lives in another domain, as far as it is announced. */
function begun(name: string, channel: number): number {
  const mod = kernel.exports.module_begin(text(name), text(VERMAGIC), text('GPL'), LOAD_INTREE, channel + 1);
  expect(mod).toBeGreaterThan(0);
  kernel.exports.module_coming(mod); // it is sealed
  kernel.exports.leave_module();
  return mod;
}

/** @returns why it was refused, and the lines of the log; nothing has changed */
function refused(work: () => unknown): [errno: number, lines: string[]] {
  const before = kernel.snapshot();
  const start = kernel.log().length;
  try {
    work();
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    expect(kernel.snapshot()).toEqual(before);
    return [error.errno, kernel.log(start)];
  }
  throw new Error('nothing was refused');
}

describe('a file that declares more than a module may', () => {
  test.each(MANY)('of %s is refused before anything of it is kept', async (what) => {
    const [most, noun] = LIMITS[what];
    const module = await declaresMany(what, most + 1);
    const [, count] = module.declared.find(([, each]) => each > most && each < 2 * most)!;
    const answer = [E2BIG, [`null: too many ${noun}: ${count}, at most ${most}`]];
    expect(refused(() => load(module))).toEqual(answer);
    expect(refused(() => announce(kernel.domain, module, 0, 3, () => undefined))).toEqual(answer);
    // No thread is given more of it than that.
    const { file, names } = module;
    expect([file.parameters, file.functions, file.symbols, file.needed, file.imports, file.exports]).toEqual(
      Array(6).fill([]),
    );
    expect([names.length, file.modinfo.size]).toEqual([0, 0]);
  });

  test('of bytes, likewise', async () => {
    const module = await loadImage('null.ko.wasm');
    const large = { ...module, declared: [[DECLARED_BYTES, MAX_MODULE_FILE + 1] as const] };
    expect(refused(() => load(large))).toEqual([
      E2BIG,
      [`null: too many bytes: ${MAX_MODULE_FILE + 1}, at most ${MAX_MODULE_FILE}`],
    ]);
  });
});

describe('as much as a module may declare', () => {
  test('is loaded, found and given back', async () => {
    let bytes = declaring(NULL, 'parameters', MAX_MODULE_PARAMETERS);
    bytes = declaring(bytes, 'symbols', MAX_MODULE_SYMBOLS);
    bytes = declaring(bytes, 'aliases', MAX_MODULE_INFO - 100);
    const module = await loadModule(bytes, null, 'null');
    load(await loadImage('null.ko.wasm')); // the table of symbols has grown, slabs are there
    rmmod(kernel.domain, 'null');
    load(module);
    rmmod(kernel.domain, 'null');
    const before = kernel.snapshot();
    load(module);
    const mod = readModules(kernel.memory)[0]!;
    expect(mod.kept).toBeGreaterThan(80 * (MAX_MODULE_PARAMETERS + MAX_MODULE_SYMBOLS));
    expect(mod.kept).toBeLessThan(MODULE_SHARE);
    const { module_parameter: set, module_parameter_text: show, module_resolve: find } = kernel.exports;
    for (const i of [0, 1, 77, MAX_MODULE_PARAMETERS - 1]) {
      expect(set(mod.address, text(`p${i}`), text('y'))).toBe(0);
      expect(kernel.view.text(show(mod.address, text(`p${i}`)), 10)).toBe('Y');
    }
    expect(show(mod.address, text(`p${MAX_MODULE_PARAMETERS}`))).toBeLessThan(0);
    for (const i of [0, MAX_MODULE_SYMBOLS - 1])
      expect(find(mod.address, text(`many_${i}`), 0, 0)).toBeGreaterThan(0);
    expect(kernel.check()).toEqual([]);
    rmmod(kernel.domain, 'null');
    expect(kernel.snapshot()).toEqual(before);
  });

  test('leaves enough for others, of memory and symbols, when every driver does so', async () => {
    const mods = Array.from({ length: MAX_CHANNELS }, (_, channel) => begun(`m${channel}`, channel));
    for (const [i, mod] of mods.entries()) {
      for (let s = 0; s < MAX_MODULE_SYMBOLS; s++)
        expect(kernel.exports.module_export(mod, text(`m${i}_${s}`), s, 0, 0)).toBe(0);
      expect(kernel.exports.module_kallsyms(mod, MODULE_SHARE - kept(`m${i}`))).toBeGreaterThan(0);
      expect(kept(`m${i}`)).toBe(MODULE_SHARE);
    }
    const { accounting } = kernel.snapshot();
    expect(accounting.pagesFree * PAGE_SIZE).toBeGreaterThan(3 << 20);
    expect(accounting.symbols).toBeLessThan(MAX_SYMBOLS - 1000);
    load(await loadImage('ramdisk.ko.wasm'));
    load(await loadImage('base.ko.wasm'));
    expect(kernel.check()).toEqual([]);
    for (const mod of mods) kernel.exports.module_gone(mod);
    expect(readModules(kernel.memory).map(({ name }) => name)).toEqual(['base', 'ramdisk']);
  });
});

describe('what is kept of a file', () => {
  test('is no more than a share: ENOMEM, and a line', async () => {
    const module = { ...(await loadImage('null.ko.wasm')), names: new Uint8Array(MODULE_SHARE + 1) };
    const answer = [ENOMEM, [`null: no memory for what it declares: at most ${MODULE_SHARE} bytes`]];
    expect(refused(() => load(module))).toEqual(answer);
    expect(refused(() => announce(kernel.domain, module, 0, 3, () => undefined))).toEqual(answer);
    expect(kernel.check()).toEqual([]);
  });

  test('is counted byte by byte, also texts that parameters were given', () => {
    const mod = begun('made', 0);
    expect(kernel.exports.module_describe(mod, text('1.0'), text('abc'), 100)).toBe(0);
    expect(kept('made')).toBe(8);
    expect(kernel.exports.module_kallsyms(mod, 1000)).toBeGreaterThan(0);
    expect(kept('made')).toBe(1008);
    expect(kernel.exports.module_export(mod, text('made_symbol'), 0, 0, 0)).toBe(0);
    expect(kept('made')).toBe(1088);
    expect(kernel.exports.module_layout(mod, 16, 4, 0, 0)).toBe(0);
    const base = kernel.view.u32(mod + MOD_BASE);
    expect(kernel.exports.module_params(mod, 2)).toBe(0);
    const before = kept('made');
    expect(kernel.exports.module_param_add(mod, text('label'), PARAM_CHARP, 0o644, base, 1)).toBe(0);
    for (const value of ['four', 'longer than that', '']) {
      expect(kernel.exports.module_parameter(mod, text('label'), text(value))).toBe(0);
      expect(kept('made')).toBe(before + value.length + 1);
    }
    kernel.exports.module_free(mod);
    expect(readModules(kernel.memory)).toEqual([]);
  });
});
