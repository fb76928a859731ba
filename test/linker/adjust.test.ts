// A stranger's file made fit for a shared memory: nothing else in it changes, and every place in it can be told.

import { describe, expect, test } from 'vitest';
import { toFault } from '../../host/domain/fault.ts';
import { loadModule } from '../../host/domain/load-file.ts';
import { adjustModule, fileOffset, MAX_PAGES, type Adjusted } from '../../host/linker/module/adjust.ts';
import { ByteWriter } from '../../host/linker/wasm/bytes.ts';
import { readModule } from '../../host/linker/module/module-file.ts';
import { readSections, type Sections } from '../../host/linker/wasm/sections.ts';
import { ModuleSymbols } from '../../host/linker/module/symbols.ts';
import { loadFixture } from '../support/fixtures.ts';

/** Lengths as lld writes some of them: five bytes. */
const padded = (value: number): Uint8Array =>
  Uint8Array.from([0, 7, 14, 21, 28], (shift) => ((value >>> shift) & 0x7f) | (shift < 28 ? 0x80 : 0));

interface Shape {
  limits?: number[];
  pad?: boolean;
  /** Content of the name section, null for none. */
  names?: ((to: ByteWriter) => void) | null;
}

const functionNames = (to: ByteWriter): void => {
  to.u8(1).block((part) => part.u32(1).u32(0).text('boom'));
};
const bothNames =
  (name: string) =>
  (to: ByteWriter): void => {
    to.u8(0).block((part) => part.text(name));
    functionNames(to);
  };

/** A module with one function, exported as `run`, that traps. */
function stranger({ limits = [0, 1], pad = false, names = functionNames }: Shape): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter().u32le(0x6d736100).u32le(1);
  const section = (id: number, fill: (to: ByteWriter) => void): void => {
    const content = new ByteWriter();
    fill(content);
    out.u8(id);
    if (pad) out.raw(padded(content.length));
    else out.u32(content.length);
    out.raw(content.bytes());
  };
  section(0, (to) => to.text('dylink.0').u8(1).u8(4).u32(0).u32(0).u32(0).u32(0));
  section(1, (to) => to.u32(1).u8(0x60).u32(0).u32(0));
  section(2, (to) => {
    to.u32(2).text('env').text('memory').u8(2).raw(Uint8Array.from(limits));
    to.text('env').text('__memory_base').u8(3).u8(0x7f).u8(0);
  });
  section(3, (to) => to.u32(1).u32(0));
  section(7, (to) => to.u32(1).text('run').u8(0).u32(0));
  section(10, (to) => to.u32(1).u32(3).u8(0).u8(0x00).u8(0x0b));
  if (names) section(0, (to) => names(to.text('name')));
  return out.bytes().slice();
}

const adjust = (bytes: Uint8Array<ArrayBuffer>, name = 'rot13'): Adjusted =>
  adjustModule(bytes, readModule(bytes), name);

describe('the memory import', () => {
  test.each([
    ['without a maximum', [0, 1], false],
    ['without a maximum, lengths padded', [0, 1], true],
    ['with a maximum', [1, 2, 16], false],
    ['shared with a low maximum', [3, 1, 16], true],
    ['with a minimum of many bytes', [0, 0x81, 0x80, 0x80, 0x80, 0], false],
  ])('%s becomes shared, with the highest maximum', (_, limits, pad) => {
    const bytes = stranger({ limits, pad });
    const adjusted = adjust(bytes);
    const minimum = readSections(bytes).imports[0];
    expect(readSections(adjusted.bytes).imports[0]).toMatchObject({
      kind: 'memory',
      limits: {
        minimum: minimum?.kind === 'memory' && minimum.limits.minimum,
        maximum: MAX_PAGES,
        shared: true,
      },
    });
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 8, shared: true });
    const base = new WebAssembly.Global({ value: 'i32' }, 0);
    const env = { memory, __memory_base: base };
    expect(() => new WebAssembly.Instance(new WebAssembly.Module(adjusted.bytes), { env })).not.toThrow();
  });

  test.each([false, true])('nothing else changes, wherever it lies now; lengths padded: %s', (pad) => {
    const bytes = stranger({ pad, names: bothNames('rot13') });
    const adjusted = adjust(bytes);
    const [before, after] = [readSections(bytes), readSections(adjusted.bytes)];
    const pieces = ({ importsLength, memoryLimits }: Sections, file: Uint8Array): Uint8Array[] => [
      file.slice(0, importsLength.start),
      file.slice(importsLength.end, memoryLimits.start),
      file.slice(memoryLimits.end),
    ];
    expect(pieces(after, adjusted.bytes)).toEqual(pieces(before, bytes));
    for (let at = 0; at < before.importsLength.start; at++) expect(fileOffset(adjusted.shifts, at)).toBe(at);
    const grown = adjusted.bytes.length - bytes.length;
    for (let at = before.memoryLimits.end; at < bytes.length; at++)
      expect(fileOffset(adjusted.shifts, at + grown)).toBe(at);
  });
});

describe('the name that engines show', () => {
  test.each<[was: string, names: Shape['names'], functionName: string]>([
    ['no name section', null, 'function0'],
    ['names of functions alone', functionNames, 'boom'],
    ['the output file’s name', bothNames('a-long-name.ko.wasm'), 'boom'],
    ['nothing in it', () => undefined, 'function0'],
    ['a damaged section', (to) => void to.u8(0).u32(99), 'function0'],
  ])('is the module’s; it was: %s', (_, names, functionName) => {
    const adjusted = adjust(stranger({ names: names ?? null }));
    expect(readModule(adjusted.bytes)).toMatchObject({ name: 'rot13', shownName: 'rot13' });
    expect(new ModuleSymbols(adjusted.bytes).functions[0]!.name).toBe(functionName);
  });
});

test('a module of our own is compiled as it is', async () => {
  const { bytes, file, name, shifts } = await loadFixture('base');
  expect(shifts).toEqual([]);
  const own = bytes as Uint8Array<ArrayBuffer>;
  expect(adjustModule(own, file, name).bytes).toBe(own);
});

test('a fault is told by its place in the file, and belongs to its module', async () => {
  const bytes = stranger({ pad: true, names: functionNames });
  const loaded = await loadModule(bytes, null, 'rot13');
  expect(loaded.bytes).toBe(bytes);
  expect(loaded.shifts).not.toEqual([]);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const env = { memory, __memory_base: new WebAssembly.Global({ value: 'i32' }, 0) };
  const { run } = new WebAssembly.Instance(loaded.module, { env }).exports;
  let thrown: unknown;
  try {
    (run as () => void)();
  } catch (error) {
    thrown = error;
  }
  const symbols = new ModuleSymbols(loaded.bytes, loaded.map, loaded.shifts);
  const fault = toFault(thrown, (name) => (name === 'rot13' ? symbols : null));
  const body = readSections(bytes).bodies[0]!;
  expect(fault).toMatchObject({ kind: 'unreachable', module: 'rot13' });
  expect(fault.frames[0]).toMatchObject({
    function: 'boom',
    offset: body.start + 1,
    text: 'boom+0x1/0x3 [rot13]',
  });
});
