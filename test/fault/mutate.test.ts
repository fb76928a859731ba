// The mutator: the same seed gives the same file, every kind of damage occurs and is what it says, and code that was
// changed still validates. What a loader does with the mutants is another test's business; here readModule must survive.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { leb, moduleFields, replaced, sectionPlaces, sleb } from '../../host/fault/fields.ts';
import { loadModule } from '../../host/domain/load-file.ts';
import { declaring, MANY } from '../../host/fault/mutate-many.ts';
import { mutate, MUTATIONS, type Mutation } from '../../host/fault/mutate.ts';
import { Random } from '../../host/fault/random.ts';
import { ByteReader } from '../../host/linker/wasm/bytes.ts';
import { symbolCrc } from '../../host/linker/module/crc.ts';
import { readSymbols } from '../../host/linker/module/metadata.ts';
import { BadModule, readModule } from '../../host/linker/module/module-file.ts';
import { linkText, LONG } from '../linker/support.ts';

const IMAGES = fileURLToPath(new URL('../../dist/images/', import.meta.url));
const image = (name: string): Uint8Array => new Uint8Array(readFileSync(IMAGES + name));
const RAMDISK = image('ramdisk.ko.wasm');
const LKDTM = image('lkdtm.ko.wasm');
const ROUNDS = LONG ? 5000 : 300;
const { bytes: RICH } = await linkText(
  `import { cstr, EXPORT_SYMBOL, MODULE_LICENSE, module_param, printk } from "./include/module";
  import { pr_info } from "./include/printk";
  MODULE_LICENSE("GPL");
  let size: u32 = 5;
  module_param(size, "uint", 0o444, "size");
  const fns: StaticArray<(x: i32) => i32> = [(x: i32): i32 => x + 1];
  export function area(x: i32): usize {
    for (let i = 0; i < x; i++) if (i & 1) size += <u32>fns[0](i);
    return size + cstr("text");
  }
  EXPORT_SYMBOL(area);
  export function init_module(): i32 { pr_info(cstr("hello")); return 0; }`.replace(', printk', ''),
);
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function refusal(bytes: Uint8Array): string | null {
  try {
    readModule(bytes);
    return null;
  } catch (error) {
    if (!(error instanceof BadModule)) throw error;
    return error.message;
  }
}

describe('random numbers', () => {
  test('are the same in every run, and others for the next seed', () => {
    const first = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 4 }, () => random.u32());
    };
    expect(first(1)).toEqual(first(1));
    expect(new Set([...first(0), ...first(1), ...first(2)]).size).toBe(12);
    expect(first(2 ** 32 + 7)).toEqual(first(7));
  });

  test('are xorshift128 as Marsaglia printed it', () => {
    const random = new Random(0);
    Reflect.set(random, 'words', Uint32Array.from([123456789, 362436069, 521288629, 88675123]));
    expect(Array.from({ length: 4 }, () => random.u32())).toEqual([
      3701687786, 458299110, 2500872618, 3633119408,
    ]);
  });

  test('are spread over their range', () => {
    const random = new Random(3);
    const seen = new Array<number>(10).fill(0);
    for (let i = 0; i < 10000; i++) seen[random.below(10)]!++;
    for (const count of seen) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(random.below(0)).toBe(0);
  });
});

describe('fields', () => {
  const fields = moduleFields(RICH);

  test('cover the sections, and each number stands where it says', () => {
    expect(new Set(fields.map(({ kind }) => kind))).toEqual(
      new Set(['section length', 'length', 'count', 'index', 'size', 'alignment', 'offset', 'name']),
    );
    for (const { kind, start, end, value } of fields) {
      if (kind === 'name' || kind === 'offset') continue;
      const reader = new ByteReader(RICH, start, end);
      expect(reader.u32()).toBe(value);
      expect(reader.done).toBe(true);
    }
    const { memory, table } = readModule(RICH);
    expect(fields.filter(({ kind }) => kind === 'size').slice(0, 2)).toMatchObject([
      { value: memory.size },
      { value: table.size },
    ]);
  });

  test('can be replaced by themselves, and lengths grow with what is in them', () => {
    for (const field of fields) {
      const same = RICH.slice(field.start, field.end);
      expect(sha(replaced(RICH, field, same, field.within))).toBe(sha(RICH));
    }
    const name = fields.find(({ what }) => what === 'import 0: name')!;
    const long = Uint8Array.from([...leb(200), ...new Uint8Array(200).fill(0x61)]);
    const longer = replaced(RICH, name, long, name.within);
    expect(readModule(longer).imports[0]?.name).toBe('a'.repeat(200));
    expect(sectionPlaces(longer).length).toBe(sectionPlaces(RICH).length);
  });

  test.each([0, 1, -1, 63, 64, -64, -65, 0x7fffffff, -0x80000000])('%i is written as it is read', (value) => {
    expect(new ByteReader(Uint8Array.from(sleb(value))).s32()).toBe(value);
  });
});

describe('a mutant', () => {
  test('is the same for the same seed, another for another', () => {
    const hashes = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const mutant = mutate(RAMDISK, seed);
      const again = mutate(RAMDISK, seed);
      expect([again.description, sha(again.bytes)]).toEqual([mutant.description, sha(mutant.bytes)]);
      hashes.add(sha(mutant.bytes));
    }
    expect(hashes.size).toBeGreaterThan(180);
  });

  test('is described in one line; of which kind it is, the seed says alone', () => {
    for (let seed = 0; seed < 100; seed++) {
      const { mutation, description } = mutate(RICH, seed);
      expect(description).toMatch(/^[\x20-\x7e…]+$/);
      expect(mutate(RAMDISK, seed).mutation).toBe(mutation);
    }
  });

  test('is never the file itself, and leaves it as it was', () => {
    const before = sha(RAMDISK);
    for (let seed = 0; seed < 500; seed++) expect(sha(mutate(RAMDISK, seed).bytes)).not.toBe(before);
    expect(sha(RAMDISK)).toBe(before);
  });

  test('of every kind occurs', () => {
    const counts = new Map<Mutation, number>();
    for (let seed = 0; seed < 1000; seed++) {
      const { mutation } = mutate(RICH, seed);
      counts.set(mutation, (counts.get(mutation) ?? 0) + 1);
    }
    for (const mutation of MUTATIONS) expect(counts.get(mutation) ?? 0, mutation).toBeGreaterThan(30);
  });

  test('of a file that is none is refused', () => {
    expect(() => mutate(new Uint8Array(20), 1)).toThrow(BadModule);
  });
});

describe.each(MUTATIONS)('damage by %s', (mutation) => {
  const rounds = mutation === 'many' ? ROUNDS / 10 : ROUNDS; // they are large
  const mutants = Array.from({ length: rounds }, (_, seed) => mutate(RICH, seed, mutation));

  test('is of that kind, and is read or refused with a sentence', () => {
    for (const mutant of mutants) {
      expect(mutant.mutation).toBe(mutation);
      const reason = refusal(mutant.bytes);
      if (reason !== null) expect(reason).toMatch(/^[^A-Z\p{Cc}][^\p{Cc}]*$/u);
    }
  });

  test('is not one thing again and again', () => {
    const shapes = new Set(mutants.map(({ description }) => description));
    expect(shapes.size).toBeGreaterThan(mutation === 'start' ? 5 : rounds / 10);
  });

  // Valid ones among them are no fault of the mutator: a number may be padded, a count may be of nothing.
  const mostly: Partial<Record<Mutation, number>> = {
    ...{
      truncation: 0.9,
      length: 0.6,
      count: 0.6,
      segment: 0.5,
      size: 0.2,
      index: 0.2,
      name: 0.2,
      metadata: 0.1,
    },
  };
  const least = mostly[mutation];
  if (least !== undefined)
    test('is seen by the reader or by the engine, mostly', () => {
      const seen = mutants.filter(({ bytes }) => refusal(bytes) !== null || !WebAssembly.validate(bytes));
      expect(seen.length).toBeGreaterThan(ROUNDS * least);
    });
});

describe('code that was changed', () => {
  const originals = [RICH, RAMDISK, LKDTM];
  const mutants = Array.from({ length: ROUNDS * 3 }, (_, seed) => mutate(originals[seed % 3]!, seed, 'code'));

  test('is valid, in a module that is read', () => {
    for (const { bytes, description } of mutants) {
      expect(WebAssembly.validate(bytes), description).toBe(true);
      expect(refusal(bytes), description).toBeNull();
    }
  });

  test('has every operator', () => {
    const kinds = new Set(mutants.map(({ description }) => /: ([a-z ]+):/.exec(description)?.[1]));
    expect([...kinds].sort()).toEqual(
      [
        ...['address', 'branch', 'condition', 'constant', 'loop', 'operator'],
        ...['stop', 'store', 'variable', 'width', 'wild store'],
      ].sort(),
    );
  });

  test('differs in its code alone', () => {
    for (const [seed, { bytes }] of mutants.entries()) {
      const original = originals[seed % 3]!;
      const others = (file: Uint8Array): string[] =>
        sectionPlaces(file).flatMap(({ id, content, end }) =>
          id === 10 ? [] : sha(file.subarray(content, end)),
        );
      expect(others(bytes)).toEqual(others(original));
    }
  });
});

describe('a module that declares very much', () => {
  test.each(MANY)('of %s is in order', async (what) => {
    const bytes = declaring(RAMDISK, what, 2000);
    expect(WebAssembly.validate(bytes)).toBe(true);
    const { declared } = await loadModule(bytes, null, 'ramdisk');
    expect(declared.filter(([, count]) => count >= 2000 && count < 2100)).toHaveLength(
      what === 'symbols' ? 2 : 1,
    );
  });
});

describe('checksums', () => {
  test('of renamed symbols are those of their new names', () => {
    let renamed = 0;
    for (let seed = 0; seed < 2000 && renamed < 20; seed++) {
      const { bytes, description } = mutate(RICH, seed, 'metadata');
      if (!/^__ksymtab: symbol area renamed .* its crc made anew$/.test(description)) continue;
      const place = sectionPlaces(bytes).find(({ name }) => name === '__ksymtab')!;
      let symbols;
      try {
        symbols = readSymbols(new ByteReader(bytes, place.content, place.end));
      } catch (error) {
        if (error instanceof BadModule) continue; // the name is no text
        throw error;
      }
      const signatures = new Map(readModule(RICH).exports.map((each) => [each.name, each.signature]));
      const symbol = symbols.find(({ name }) => name !== 'area');
      if (!symbol || description.includes('\\x')) continue;
      const signature = signatures.get(symbol.name) ?? signatures.get('area')!;
      expect(symbol.crc, description).toBe(symbolCrc(symbol.name, signature));
      renamed++;
    }
    expect(renamed).toBeGreaterThan(10);
  });
});
