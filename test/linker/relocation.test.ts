// Linked modules do at any base what a direct compile of the same source does.

import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';
import { describe, expect, test } from 'vitest';
import { ADDRESS_BITS, basesFor, TABLE_BITS } from '../../host/linker/build/bases.ts';
import {
  files,
  linkText,
  LONG,
  prepared,
  random,
  randomBases,
  TestDomain,
  type Functions,
} from './support.ts';

const FIXTURES = ['strings', 'functions', 'pointers', 'numbers', 'records'];
/** Every level for those with most state; the others where nothing and where everything is optimised. */
const levelsOf = (name: string): readonly (0 | 1 | 2 | 3)[] =>
  LONG || name === 'records' || name === 'functions' ? [0, 1, 2, 3] : [0, 3];
const BASES = LONG ? 200 : 16;
const STEPS = 40;

/** The source compiled by asc as it is, with memory and table of its own. */
async function direct(text: string, optimizeLevel: number): Promise<Functions> {
  const { binary, error } = await asc.compileString(text, {
    runtime: 'stub',
    optimizeLevel,
    exportTable: true,
    use: ['abort='],
  });
  if (!binary) throw error ?? new Error('nothing was compiled');
  const module = await WebAssembly.compile(new Uint8Array(binary));
  return new WebAssembly.Instance(module).exports as unknown as Functions;
}

const steps = (functions: Functions, seed: number): number[] => {
  const next = random(seed);
  return Array.from({ length: STEPS }, () => functions['step']!(Math.floor(next() * 1000)));
};

describe('at random bases', () => {
  const domain = new TestDomain();
  for (const name of FIXTURES) {
    const text = readFileSync(new URL(`fixtures/${name}.ts`, import.meta.url), 'utf8');
    for (const level of levelsOf(name)) {
      test(`${name} at -O${level} is what asc makes of it`, async () => {
        const linked = await linkText(text, { kind: 'image', runtime: STUB, optimizeLevel: level });
        const { module, file } = await prepared(linked);
        const reference = await direct(text, level);
        const expected = steps(reference, 1);
        const next = random(level + 1);
        for (let round = 0; round < BASES; round++) {
          const bases = randomBases(next, file);
          const functions = domain.load(module, file, bases);
          expect(steps(functions, 1), `bases ${JSON.stringify(bases)}`).toEqual(expected);
          const outside = functions['outside']?.();
          if (outside === undefined) continue;
          expect(outside).toBeGreaterThanOrEqual(bases.table);
          const called = (domain.table.get(outside) as (a: number, b: number) => number)(round, 5);
          const own: unknown = (reference['table'] as unknown as WebAssembly.Table).get(
            reference['outside']!(),
          );
          expect(called).toBe((own as (a: number, b: number) => number)(round, 5));
        }
      });
    }
  }
});

/** A runtime without objects: these sources make none. */
const STUB = (await files().readText('kernel/lib/runtime.ts')) as string;

test('a module writes only to its own area', async () => {
  const text = readFileSync(new URL('fixtures/pointers.ts', import.meta.url), 'utf8');
  const { module, file } = await prepared(await linkText(text, { kind: 'image' }));
  const domain = new TestDomain();
  const bytes = new Uint8Array(domain.memory.buffer);
  bytes.fill(0xa5, 0, 0x200000);
  const memory = 0x123450;
  steps(domain.load(module, file, { memory, table: 9 }), 3);
  expect(bytes.subarray(0, memory).every((byte) => byte === 0xa5)).toBe(true);
  expect(bytes.subarray(memory + file.memory.size, 0x200000).every((byte) => byte === 0xa5)).toBe(true);
});

test('two modules in one memory do not disturb each other', async () => {
  const text = readFileSync(new URL('fixtures/records.ts', import.meta.url), 'utf8');
  const { module, file } = await prepared(await linkText(text, { kind: 'image' }));
  const domain = new TestDomain();
  const alone = steps(domain.load(module, file, { memory: 0x40000, table: 5 }), 4);
  const first = domain.load(module, file, { memory: 0x40000, table: 5 });
  const second = domain.load(module, file, { memory: 0x40000 + file.memory.size, table: 40 });
  expect(steps(first, 4)).toEqual(alone);
  expect(steps(second, 4)).toEqual(alone);
});

test('the same source gives the same bytes and the same map, whatever was linked before', async () => {
  const read = (name: string): string =>
    readFileSync(new URL(`fixtures/${name}.ts`, import.meta.url), 'utf8');
  const functions = (): ReturnType<typeof linkText> => linkText(read('functions'), { kind: 'image' });
  const [one, two] = await Promise.all([functions(), functions()]);
  await linkText(read('strings'), { kind: 'image' });
  await linkText('export function init_module(): i32 { return [1, 2, 3].indexOf(2); }', { optimizeLevel: 0 });
  const three = await functions();
  for (const again of [two, three]) {
    expect(again.bytes).toEqual(one.bytes);
    expect(again.map).toBe(one.map);
  }
});

test('mutable globals lie in memory, and only there', async () => {
  const text = 'export let counter: i32 = 41; export function step(x: i32): i32 { return counter += x; }';
  const { module, file } = await prepared(await linkText(text, { kind: 'image' }));
  const domain = new TestDomain();
  const functions = domain.load(module, file, { memory: 0x50000, table: 1 });
  const place = 0x50000 + file.exports.find(({ name }) => name === 'counter')!.value!;
  expect(functions['step']!(1)).toBe(42);
  expect(domain.view.getInt32(place, true)).toBe(42);
  domain.view.setInt32(place, 100, true);
  expect(functions['step']!(1)).toBe(101);
});

test('an alignment above 16 is honoured', async () => {
  for (const alignment of [64, 4096, 65536]) {
    const text = `const line = memory.data(100, ${alignment}); let x = 1;
      export function step(y: i32): i32 { x += y; return <i32>(line & ${alignment - 1}) + x; }
      export function where(): usize { return line; }`;
    const { module, file } = await prepared(await linkText(text, { kind: 'image' }));
    expect(file.memory.alignment).toBe(alignment);
    const functions = new TestDomain().load(module, file, randomBases(random(alignment), file));
    expect(functions['where']!() % alignment).toBe(0);
    expect(functions['step']!(1)).toBe(2);
  }
});

test('the stack pointer stays a global', async () => {
  const text = `export let __stack_pointer: usize = 65536;
    export function push(x: usize): usize { __stack_pointer -= x; return __stack_pointer; }`;
  const { module, file } = await prepared(await linkText(text, { kind: 'image' }));
  const functions = new TestDomain().load(module, file, { memory: 0x50000, table: 1 });
  expect(functions['push']!(16)).toBe(65520);
  expect((functions['__stack_pointer'] as unknown as WebAssembly.Global).value).toBe(65520);
});

describe('the bases', () => {
  // Three points on a circle: no half of it may hold all of them.
  const spread = (points: number[], circle: number): boolean => {
    const sorted = points.map((point) => point % circle).sort((a, b) => a - b);
    const gaps = sorted.map((point, i) => (sorted[(i + 1) % 3]! - point + circle) % circle || 0);
    return Math.max(...gaps) <= circle / 2;
  };

  test('let every bit of every address differ', () => {
    for (let log = 4; log <= 16; log++) {
      const { low, main, high } = basesFor(1 << log);
      for (let bit = log; bit < ADDRESS_BITS; bit++) {
        expect(
          spread([low.memory, main.memory, high.memory], 2 ** (bit + 1)),
          `alignment ${log}, bit ${bit}`,
        ).toBe(true);
      }
      for (let bit = 0; bit < TABLE_BITS; bit++) {
        expect(spread([low.table, main.table, high.table], 2 ** (bit + 1)), `table bit ${bit}`).toBe(true);
      }
    }
  });

  test('can be patched into one another', () => {
    for (let log = 4; log <= 16; log++) {
      const { main, high } = basesFor(1 << log);
      for (const { memory, table } of [main, high]) {
        expect(memory).toBeGreaterThanOrEqual(1 << 20);
        expect(memory + 0x2000000).toBeLessThanOrEqual(1 << 27);
        expect(table).toBeGreaterThanOrEqual(1 << 14);
        expect(table + 65536).toBeLessThan(1 << 20);
      }
    }
  });
});
