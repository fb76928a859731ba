// An offset that the engine prints leads back to function, file and line, whatever the compiler and the linker did.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../host/linker/wasm/bytes.ts';
import { shortName } from '../../host/linker/wasm/names.ts';
import { ModuleSymbols } from '../../host/linker/module/symbols.ts';
import { linkText, prepared, TestDomain } from './support.ts';

const TEXT = readFileSync(new URL('fixtures/traps.ts', import.meta.url), 'utf8');
const TRAPS = [...TEXT.matchAll(/\/\/ (trap_\w+)/g)].map((match) => ({
  name: match[1]!,
  line: TEXT.slice(0, match.index).split('\n').length,
}));

/** Wasm frames of a call that traps, innermost first: function index and offset, as V8 prints them. */
function framesOf(call: () => void): { index: number; offset: number }[] {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
    const frames = [...((error as Error).stack ?? '').matchAll(/wasm-function\[(\d+)\]:0x([0-9a-f]+)/g)];
    return frames.map((frame) => ({ index: Number(frame[1]), offset: Number.parseInt(frame[2]!, 16) }));
  }
  throw new Error('it did not trap');
}

describe.each([0, 1, 2, 3] as const)('at -O%i', (optimizeLevel) => {
  test.each(TRAPS)('$name leads to its line', async ({ name, line }) => {
    const linked = await (cache[optimizeLevel] ??= linkText(TEXT, { kind: 'image', optimizeLevel }));
    const { module, file } = await prepared(linked);
    const functions = new TestDomain().load(module, file, { memory: 0x54320, table: 17 });
    const symbols = new ModuleSymbols(linked.bytes, linked.map);
    // without inlining, a bounds check traps in a function of asc's library: its caller is the place
    const frames = framesOf(() => functions[name]!(7));
    const { index, offset } = frames.find((one) => !symbols.locate(one.offset)?.file.startsWith('~lib/'))!;
    expect(symbols.locate(offset)).toMatchObject({ file: 'drivers/sample.ts', line });
    expect(symbols.functionAt(offset)).toEqual(symbols.functionByIndex(index));
    const found = symbols.functionAt(offset)!;
    if (name !== 'trap_inner') expect(found.name).toBe(name);
    const place = (offset - found.start).toString(16);
    expect(symbols.describe(offset)).toBe(`${found.name}+0x${place}/0x${found.length.toString(16)}`);
  });
});

const cache: Record<number, ReturnType<typeof linkText>> = {};

describe('symbols', () => {
  test('every function of the file has its name and its bytes', async () => {
    const linked = await linkText(TEXT, { kind: 'image', optimizeLevel: 0 });
    const symbols = new ModuleSymbols(linked.bytes, linked.map);
    const names = symbols.functions.map(({ name }) => name);
    expect(names).toContain('depth');
    expect(names).toContain('~start');
    for (const { start, length, index } of symbols.functions) {
      expect(symbols.functionAt(start)?.index).toBe(index);
      expect(symbols.functionAt(start + length - 1)?.index).toBe(index);
    }
  });

  test('a place outside of all code has neither function nor line', async () => {
    const linked = await linkText(TEXT, { kind: 'image' });
    const symbols = new ModuleSymbols(linked.bytes, linked.map);
    for (const offset of [0, 9, linked.bytes.length - 1, linked.bytes.length + 5, -1]) {
      expect(symbols.functionAt(offset)).toBeNull();
      expect(symbols.locate(offset)).toBeNull();
    }
    expect(symbols.describe(4)).toBe('0x4');
    expect(symbols.functionByIndex(10_000)).toBeNull();
  });

  test('the relocations have no line: nobody wrote them', async () => {
    const linked = await linkText(
      'let p: usize = memory.data(8); export function f(): usize { return p++; }',
      { kind: 'image' },
    );
    const symbols = new ModuleSymbols(linked.bytes, linked.map);
    const relocations = symbols.functions.find(({ name }) => name === '__wasm_apply_data_relocs')!;
    expect(symbols.locate(relocations.start + 3)).toBeNull();
  });

  test('a map that is none leaves names', async () => {
    const linked = await linkText('export function f(): i32 { return 1; }', { kind: 'image' });
    for (const map of ['', '{', 'null', '[]', '{"version":3}', '{"version":3,"sources":1,"mappings":"!!"}']) {
      const symbols = new ModuleSymbols(linked.bytes, map);
      const { start } = symbols.functions[0]!;
      expect(symbols.locate(start)).toBeNull();
      expect(symbols.describe(start)).toMatch(/\+0x0\//);
    }
  });

  test('imported functions are known by index', async () => {
    const linked = await linkText(
      '@external("env", "printk") declare function log(x: i32): void; export function f(): void { log(1); }',
      { kind: 'image' },
    );
    const symbols = new ModuleSymbols(linked.bytes);
    expect(symbols.functionByIndex(0)?.name).toBe('printk');
  });

  test('a name cannot forge a line', () => {
    const file = new ByteWriter().u32le(0x6d736100).u32le(1);
    file.u8(1).block((to) => to.u32(1).u8(0x60).u32(0).u32(0));
    file.u8(3).block((to) => to.u32(1).u32(0));
    file.u8(10).block((to) => to.u32(1).u32(2).u8(0).u8(0x0b));
    file.u8(0).block((to) => {
      to.text('name');
      to.u8(1).block((part) => part.u32(1).u32(0).text('a\n    at kernel\u202e (x)\u0000'));
    });
    expect(new ModuleSymbols(file.bytes()).functions[0]!.name).toBe(
      'a\\x0a    at kernel\\xe2\\x80\\xae (x)\\x00',
    );
  });
});

test.each([
  ['drivers/ramdisk/ramdisk_write', 'ramdisk_write'],
  ['~lib/array/Array<drivers/x/Foo>#push', 'Array<Foo>#push'],
  ['drivers/x/init~anonymous|0', 'init~anonymous|0'],
  ['start:drivers/x', 'start:x'],
  ['plain', 'plain'],
])('%s is shown as %s', (name, short) => {
  expect(shortName(name)).toBe(short);
});
