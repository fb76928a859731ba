// Managed objects: a driver's come from the kernel's heap, an image has none.

import { describe, expect, test } from 'vitest';
import { link } from '../../host/linker/link.ts';
import { files, linkText, prepared, TestDomain } from './support.ts';

const functionsOf = (file: { imports: { kind: string; name: string }[] }): string[] =>
  file.imports.filter(({ kind }) => kind === 'function').map(({ name }) => name);

describe('a driver', () => {
  test.each([0, 3] as const)('that makes no object imports no heap, at -O%i', async (optimizeLevel) => {
    const text = 'export function init_module(): i32 { return "abc".charCodeAt(1); }';
    expect(functionsOf((await prepared(await linkText(text, { optimizeLevel }))).file)).toEqual([]);
  });

  test.each([0, 3] as const)('that makes objects takes them from kmalloc, at -O%i', async (optimizeLevel) => {
    const text = `class Point { constructor(public x: i32, public y: i32) {} }
      let list: Point[] = [];
      export function init_module(): i32 {
        for (let i = 0; i < 100; i++) list.push(new Point(i, 2 * i));
        let sum = 0;
        for (let i = 0; i < list.length; i++) sum += list[i].x + list[i].y;
        return sum + ("a" + list.length.toString()).length;
      }`;
    const { module, file } = await prepared(await linkText(text, { optimizeLevel }));
    expect(functionsOf(file).sort()).toEqual(['kfree', 'kmalloc']);
    const domain = new TestDomain();
    let next = 0x200000;
    const live = new Set<number>();
    const kernel = {
      kmalloc: (size: number): number => {
        const address = next;
        new Uint8Array(domain.memory.buffer, address, size).fill(0x5a);
        next += (size + 15) & ~15;
        live.add(address);
        return address;
      },
      kfree: (address: number): number => {
        expect(live.delete(address)).toBe(true);
        return 0;
      },
    };
    const functions = domain.load(module, file, { memory: 0x40000, table: 1 }, kernel);
    expect(functions['init_module']!()).toBe(4950 * 3 + 4);
    const empty = domain.load(module, file, { memory: 0x40000, table: 1 }, { ...kernel, kmalloc: () => 0 });
    expect(() => empty['init_module']!()).toThrow(WebAssembly.RuntimeError);
  });
});

describe('an image', () => {
  const link = (text: string, optimizeLevel: 0 | 3) => linkText(text, { kind: 'image', optimizeLevel });

  test.each([0, 3] as const)(
    'that makes a managed object is refused by function and line, at -O%i',
    async (level) => {
      const text = `class Point { x: i32 = 1; }
let kept: Point | null = null;
export function make(x: i32): i32 {
  if (x > 0) {
    kept = new Point();
  }
  return x;
}`;
      await expect(link(text, level)).rejects.toMatchObject({
        refusals: [{ reason: 'managed allocation', file: 'drivers/sample.ts' }],
      });
      const error = (await link(text, level).catch((thrown: unknown) => thrown)) as {
        refusals: { function: string; line: number }[];
      };
      const [refusal] = error.refusals;
      // without inlining it is the constructor that allocates; with it, the line is the nearest that is known
      expect(refusal!.function).toBe(level === 3 ? 'make' : 'Point#constructor');
      expect(level === 3 ? [4, 5] : [1]).toContain(refusal!.line);
    },
  );

  test('keeps its exports and may import from the host', async () => {
    const text = `@external("host", "now") declare function now(): f64;
      export function boot(): f64 { return now(); } export function other(): i32 { return 2; } export let state: i32 = 3;`;
    const linked = await link(text, 3);
    const { file } = await prepared(linked);
    expect(file.exports.map(({ name }) => name).sort()).toEqual([
      '__wasm_call_ctors',
      'boot',
      'other',
      'state',
    ]);
    expect(functionsOf(file)).toEqual(['now']);
    expect(file.sourceMappingURL).toBe('sample.wasm.map');
  });
});

test('a missing runtime is named', async () => {
  const own = { 'drivers/sample.ts': '' };
  await expect(
    link({
      entry: 'drivers/sample.ts',
      kind: 'image',
      files: { readText: (path) => own[path as 'drivers/sample.ts'] ?? null },
    }),
  ).rejects.toMatchObject({ refusals: [{ reason: 'no such file: kernel/lib/runtime.ts' }] });
});

test("the project's drivers and images link", async () => {
  for (const name of ['null', 'zero', 'ramdisk', 'lkdtm']) {
    const { file } = await prepared(
      await link({ entry: `drivers/${name}.ts`, kind: 'module', files: files() }),
    );
    expect(file.exports.map((entry) => entry.name)).toContain('init_module');
  }
});
