// The loader over the real kernel image, step by step: whatever fails, memory, table and symbol table are as they were; what
// is loaded is found, counted, used by others, and gone after rmmod.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Domain, TextTooLong } from '../../host/domain/domain.ts';
import type { DomainExports } from '../../host/domain/image.ts';
import { domainImports, type KernelGate } from '../../host/domain/imports.ts';
import { insmod, rmmod, type Inserted } from '../../host/domain/loader.ts';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { ModuleError } from '../../host/domain/module-error.ts';
import { BadModule, ByteReader } from '../../host/linker/wasm/bytes.ts';
import { checkMemory } from '../../host/machine/inspect/check.ts';
import { readAccounting, readDevices, readModules } from '../../host/machine/inspect/lists.ts';
import { EAGAIN, EBUSY, EEXIST, ENOENT, ENOEXEC, ENOMEM, ENXIO } from '../../kernel/abi/errno.ts';
import { MODULE_COMING, SYMBOL_GPL_ONLY } from '../../kernel/abi/module.ts';
import { M_TAINT, TAINT_PROPRIETARY } from '../../kernel/abi/machine.ts';
import { DOMAIN_MEMORY, MACHINE_BASE, TABLE_MAX, WASM_PAGE } from '../../kernel/abi/map.ts';
import {
  CALL_MODULE_ABORT,
  CALL_MODULE_LIVE,
  CALL_REGISTER_CHRDEV,
  O_RDONLY,
  SYS_CLOSE,
} from '../../kernel/abi/operation.ts';
import { loadFixture } from '../support/fixtures.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';
import { expectLine } from '../support/machine.ts';
import { REFUSALS } from '../support/refusals.ts';

let image: LoadedModule;
let kernel: TestKernel;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
});

const load = (module: LoadedModule, parameters = '', flags = 0): Inserted =>
  insmod(kernel.domain, module, { parameters, flags });

function attempt(work: () => void): ModuleError | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof ModuleError) return error;
    throw error;
  }
}

/** What was refused, having changed nothing. A first try takes pages for small objects, which stay theirs. */
function refused(work: () => void): ModuleError {
  attempt(work);
  const before = kernel.snapshot();
  const error = attempt(work);
  if (!error) throw new Error('nothing was refused');
  expect(kernel.snapshot()).toEqual(before);
  expect(kernel.check()).toEqual([]);
  return error;
}

describe('what is refused leaves everything as it was', () => {
  test.each(REFUSALS)('$step', async ({ module, parameters, errno, line }) => {
    const loaded = await module();
    load(await loadImage('null.ko.wasm'));
    const start = kernel.log().length;
    expect(refused(() => load(loaded, parameters)).errno).toBe(errno);
    if (line) expectLine(kernel.log(start), line);
  });

  test('a name that is loaded already, `-` and `_` being the same', async () => {
    const base = await loadFixture('base');
    load({ ...base, name: 'the_base' });
    expect(refused(() => load({ ...base, name: 'the-base' })).errno).toBe(EEXIST);
  });

  test('a symbol that another module exports', async () => {
    const [base, clash] = [await loadFixture('base'), await loadFixture('base', { name: 'clash' })];
    load(base);
    expect(refused(() => load(clash)).errno).toBe(ENOEXEC);
    expectLine(kernel.log(), 'clash: exports duplicate symbol base_count (owned by base)');
  });

  test('a symbol for the GPL alone, to a module under another licence', async () => {
    load(await loadFixture('base'));
    const proprietary = await loadFixture('private');
    expect(refused(() => load(proprietary)).errno).toBe(ENOENT);
    expectLine(kernel.log(), 'private: Unknown symbol base_reset (err -2)');
    expectLine(kernel.log(), "private: module license 'Proprietary' taints kernel.");
    // Taint stays when its cause is gone.
    expect(kernel.words[(MACHINE_BASE + M_TAINT) >> 2]! & TAINT_PROPRIETARY).not.toBe(0);
  });

  test('a symbol of a module that is not live', async () => {
    const [base, stacked] = [await loadFixture('base'), await loadFixture('stacked')];
    load(base);
    const { address } = readModules(kernel.memory)[0]!;
    kernel.words[(address + 4) >> 2] = MODULE_COMING;
    expect(refused(() => load(stacked)).errno).toBe(EBUSY);
    expectLine(kernel.log(), 'stacked: gave up waiting for init of module base.');
  });

  test('each refusal gives back what it took, a hundred times', async () => {
    load(await loadFixture('base'));
    const modules = await Promise.all(
      REFUSALS.map(async (each) => ({ ...each, loaded: await each.module() })),
    );
    const all = (): void => {
      for (const { loaded, parameters } of modules)
        expect(() => load(loaded, parameters)).toThrow(ModuleError);
    };
    all();
    const before = kernel.snapshot();
    for (let round = 0; round < 100; round++) all();
    expect(kernel.snapshot()).toEqual(before);
    expect(kernel.check()).toEqual([]);
  });
});

test('three texts on their way to the kernel, however long, do not overwrite each other', () => {
  const { domain } = kernel;
  const fits = (length: number): boolean => {
    try {
      return domain.text('x'.repeat(length)) > 0;
    } catch (error) {
      if (error instanceof TextTooLong) return false;
      throw error;
    }
  };
  let longest = 1024; // of a parameter
  expect(fits(longest)).toBe(true);
  while (fits(longest + 1)) longest++;
  for (let round = 0; round < 100; round++) {
    domain.text('x'.repeat(round * 7));
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(longest));
    const places = texts.map((text) => domain.text(text));
    expect(places.map((place) => domain.textAt(place, longest + 1) === texts[places.indexOf(place)])).toEqual(
      [true, true, true],
    );
  }
});

describe('in a driver’s domain', () => {
  test.each(REFUSALS)('$step', async ({ module, parameters, errno }) => {
    const pages = DOMAIN_MEMORY / WASM_PAGE;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const calls: number[] = [];
    const gate: KernelGate = {
      call: (operation) => (calls.push(operation), operation === CALL_REGISTER_CHRDEV ? 250 : 0),
      copyOut: () => 1,
      copyIn: () => 1,
      callFor: () => 0,
      copyPrevious: () => 1,
    };
    const domain = new Domain<DomainExports>(
      await loadImage('domain.wasm'),
      memory,
      domainImports(
        gate,
        () => {},
        () => {},
      ),
    );
    domain.exports.boot(domain.slots, DOMAIN_MEMORY, 2000, 0);
    domain.publish();
    const loaded = await module();
    const once = (): ModuleError | null =>
      attempt(() => insmod(domain, loaded, { parameters: parameters ?? '', flags: 0 }));
    once();
    const before = readAccounting(memory);
    calls.length = 0;
    expect(once()?.errno).toBe(errno);
    expect(readAccounting(memory)).toEqual(before);
    expect(checkMemory(memory, domain.statics, false)).toEqual([]);
    expect(readDevices(memory)).toEqual([]);
    // What the kernel was told of it, it was told the end of.
    expect(calls.filter((each) => each === CALL_MODULE_ABORT)).toHaveLength(1);
    expect(calls).not.toContain(CALL_MODULE_LIVE);
  });
});

describe('a file that is no module', () => {
  test.each([
    ['nothing', new Uint8Array()],
    ['text', new TextEncoder().encode('a module, honestly')],
    ['no dylink.0', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)],
    ['another version of wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0)],
  ])('%s', async (_, bytes) => {
    await expect(loadModule(bytes, null, 'bad')).rejects.toBeInstanceOf(BadModule);
  });

  test('a module cut anywhere', async () => {
    const { bytes } = await loadFixture('base');
    const reader = new ByteReader(bytes, 8);
    const ends = [8];
    while (!reader.done) {
      reader.u8();
      reader.skip(reader.u32());
      ends.push(reader.position);
    }
    for (let length = 8; length < bytes.length; length++) {
      const work = loadModule(bytes.slice(0, length), null, 'cut');
      await work.then(
        () => expect(ends).toContain(length), // between two sections: a module that has less
        (error: unknown) =>
          expect(error instanceof BadModule || error instanceof WebAssembly.CompileError).toBe(true),
      );
    }
  });
});

describe('a module that is loaded', () => {
  test('has its data, slots and symbols, and gives them back', async () => {
    const base = await loadFixture('base');
    load(base);
    rmmod(kernel.domain, 'base');
    const before = kernel.snapshot();
    load(base);
    const after = kernel.snapshot();
    const [entry] = readModules(kernel.memory);
    expect(entry).toMatchObject({ name: 'base', references: 0, size: base.file.memory.size });
    const added = after.symbols.filter(({ owner }) => owner === entry!.address);
    expect(added.map(({ name, flags }) => [name, flags]).sort()).toEqual([
      ['base_count', 0],
      ['base_fill', 0],
      ['base_reset', SYMBOL_GPL_ONLY],
      ['base_sum', 0],
    ]);
    for (const { value } of added) expect(typeof after.table[value]).toBe('function');
    expect(after.accounting.symbols).toBe(before.accounting.symbols + 4);
    expect(after.accounting.moduleBytes).toBe(before.accounting.moduleBytes + base.file.memory.size);
    expect(before.accounting.slotsFree - after.accounting.slotsFree).toBe(
      after.table.filter((slot, i) => slot !== before.table[i]).length,
    );
    rmmod(kernel.domain, 'base');
    expect(kernel.snapshot()).toEqual(before);
    expect(kernel.check()).toEqual([]);
  });

  test('lies where no other does', async () => {
    for (const file of ['null.ko.wasm', 'zero.ko.wasm', 'ramdisk.ko.wasm']) load(await loadImage(file));
    const areas = readModules(kernel.memory).sort((a, b) => a.base - b.base);
    for (const [i, { base, size }] of areas.entries())
      expect(base + size).toBeLessThanOrEqual(areas[i + 1]?.base ?? Infinity);
  });

  test('is used by another: counted once, refused to rmmod, free again afterwards', async () => {
    const [base, stacked] = [await loadFixture('base'), await loadFixture('stacked')];
    load(base);
    load(stacked);
    const references = (): Record<string, number> =>
      Object.fromEntries(readModules(kernel.memory).map(({ name, references }) => [name, references]));
    expect(references()).toEqual({ stacked: 0, base: 1 });
    expectLine(kernel.log(), 'stacked: base counts 40');
    expect(refused(() => rmmod(kernel.domain, 'base')).errno).toBe(EAGAIN);
    const fd = kernel.open('/dev/stacked', O_RDONLY);
    expect(kernel.read(fd, 100).result).toBe(41);
    expect(references()).toEqual({ stacked: 1, base: 1 });
    expect(refused(() => rmmod(kernel.domain, 'stacked')).errno).toBe(EAGAIN);
    expect(kernel.call(SYS_CLOSE, fd)).toBe(0);
    rmmod(kernel.domain, 'stacked');
    expect(references()).toEqual({ base: 0 });
    rmmod(kernel.domain, 'base');
    expect(() => load(stacked)).toThrow('could not insert module stacked: Unknown symbol in module');
  });

  test('a load that fails after it used a symbol gives the use back', async () => {
    load(await loadFixture('base'));
    const stacked = await loadFixture('stacked');
    expect(
      refused(() =>
        load({ ...stacked, file: { ...stacked.file, table: { ...stacked.file.table, size: TABLE_MAX } } }),
      ).errno,
    ).toBe(ENOMEM);
    // The device of its name is taken: the last step fails.
    const rival = await loadFixture('stacked', { name: 'rival' });
    load(stacked);
    expect(refused(() => load(rival)).errno).toBe(EBUSY);
    rmmod(kernel.domain, 'stacked');
    rmmod(kernel.domain, 'base');
  });

  test('whose init traps stays COMING for ever, as in Linux, and keeps its name', async () => {
    const probe = await loadFixture('probe');
    expect(() => load(probe, 'ending=2')).toThrow(WebAssembly.RuntimeError);
    expect(readModules(kernel.memory)[0]).toMatchObject({ name: 'probe', state: MODULE_COMING });
    kernel.exports.oops();
    kernel.exports.kill_current();
    expect(refused(() => load(probe)).errno).toBe(EEXIST);
    expect(refused(() => rmmod(kernel.domain, 'probe')).errno).toBe(EBUSY);
    expect(kernel.open('/dev/probe', O_RDONLY)).toBe(-ENXIO);
    expect(kernel.check()).toEqual([]);
  });

  test('rmmod of what is not there', () => {
    expect(refused(() => rmmod(kernel.domain, 'nothing')).errno).toBe(ENOENT);
  });
});
