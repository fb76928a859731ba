// Code whose result depends on an address: each piece is refused, with its place, or right at every base.

import { describe, expect, test } from 'vitest';
import { LinkError, type Linked } from '../../host/linker/link.ts';
import { linkText, LONG, prepared, random, randomBases, TestDomain } from './support.ts';

const LEVELS = [0, 1, 2, 3] as const;
const BASES = 8;

/** The address of static data: `p`; that of a function object: `fn`. Every piece is the body of probe(x). */
const HEADER = `
function callee(a: i32): i32 { return a + 1; }
const p: usize = memory.data(64, 16);
const q: usize = memory.data(64, 16);
export function at_p(): usize { return p; }
export function at_q(): usize { return q; }
export function slot(): u32 { return load<u32>(changetype<usize>(callee)); }
export function use(x: i32): i32 { const fn: (a: i32) => i32 = callee; return fn(x); }
`;

interface Piece {
  name: string;
  /** AssemblyScript of probe(x: usize): u32; a line of its own. */
  body: string;
  /** What is right for the addresses of p and q, a table slot and x. */
  right: (p: number, q: number, slot: number, x: number) => number;
  /** Top-level text before it. */
  before?: string;
  /** Refused at -O3 whatever the case. */
  refused?: true;
}

/** Whatever comes out is right. */
const ANY = NaN;

const b = (truth: boolean): number => (truth ? 1 : 0);

const PIECES: Piece[] = [
  // masks
  { name: 'mask of the low half', body: 'return p & 0xffff;', right: (p) => p & 0xffff, refused: true },
  { name: 'mask of one bit', body: 'return p & 0x100000 ? 1 : 2;', right: (p) => (p & 0x100000 ? 1 : 2) },
  { name: 'mask of the alignment', body: 'return p & 15;', right: (p) => p & 15 },
  { name: 'round down to a page', body: 'return p & ~4095;', right: (p) => p & ~4095, refused: true },
  {
    name: 'round up to a page',
    body: 'return (p + 4095) & ~4095;',
    right: (p) => (p + 4095) & ~4095,
    refused: true,
  },
  { name: 'round up to the alignment', body: 'return (p + 17) & ~15;', right: (p) => (p + 17) & ~15 },
  { name: 'or with a tag bit', body: 'return p | 1;', right: (p) => p | 1 },
  { name: 'or with a high bit', body: 'return p | 0x200000;', right: (p) => p | 0x200000, refused: true },
  { name: 'exclusive or', body: 'return p ^ 0x12345670;', right: (p) => p ^ 0x12345670, refused: true },
  { name: 'complement', body: 'return ~p;', right: (p) => ~p, refused: true },
  // comparisons
  { name: 'below a bound', body: 'return p < 0x2000000 ? 1 : 0;', right: (p) => b(p < 0x2000000) },
  { name: 'below a low bound', body: 'return p < 0x90000 ? 1 : 0;', right: (p) => b(p < 0x90000) },
  { name: 'above a bound', body: 'return p >= 0x490000 ? 1 : 0;', right: (p) => b(p >= 0x490000) },
  {
    name: 'below a signed bound',
    body: 'return <i32>p < 0x1000000 ? 1 : 0;',
    right: (p) => b(p < 0x1000000),
  },
  { name: 'equal to a number', body: 'return p == 0x400000 ? 1 : 0;', right: (p) => b(p === 0x400000) },
  { name: 'null', body: 'return p ? 1 : 0;', right: () => 1 },
  { name: 'two addresses compared', body: 'return p < q ? 1 : 0;', right: (p, q) => b(p < q) },
  { name: 'two addresses equal', body: 'return p + 64 == q ? 1 : 0;', right: (p, q) => b(p + 64 === q) },
  {
    name: 'the lesser of an address and a number',
    body: 'return min<usize>(p, 0x200000);',
    right: (p) => Math.min(p, 0x200000),
  },
  {
    name: 'a switch',
    body: 'switch (p >> 20) { case 1: return 1; case 44: return 2; default: return 3; }',
    right: (p) => ({ 1: 1, 44: 2 })[p >> 20] ?? 3,
  },
  // arithmetic
  { name: 'negation', body: 'return -p;', right: (p) => -p, refused: true },
  { name: 'subtraction from a number', body: 'return 0x1000 - p;', right: (p) => 0x1000 - p, refused: true },
  { name: 'two addresses added', body: 'return p + q;', right: (p, q) => p + q, refused: true },
  { name: 'two addresses subtracted', body: 'return q - p;', right: (p, q) => q - p },
  { name: 'a number added', body: 'return p + 12;', right: (p) => p + 12 },
  { name: 'a number subtracted', body: 'return p - 8;', right: (p) => p - 8 },
  { name: 'a variable added', body: 'return p + x;', right: (p, _q, _s, x) => p + x },
  { name: 'multiplication', body: 'return p * 3;', right: (p) => p * 3, refused: true },
  { name: 'division', body: 'return p / 10;', right: (p) => Math.floor(p / 10), refused: true },
  { name: 'remainder', body: 'return p % 7;', right: (p) => p % 7, refused: true },
  { name: 'remainder by the alignment', body: 'return p % 16;', right: (p) => p % 16 },
  { name: 'shift left', body: 'return p << 3;', right: (p) => p << 3, refused: true },
  { name: 'shift right', body: 'return p >> 4;', right: (p) => p >> 4, refused: true },
  { name: 'shift right by eight', body: 'return p >> 8;', right: (p) => p >> 8, refused: true },
  { name: 'shift by an address', body: 'return 1 << (p >> 16);', right: (p) => 1 << (p >> 16) },
  { name: 'rotation', body: 'return rotl<u32>(p, 5);', right: (p) => (p << 5) | (p >>> 27), refused: true },
  { name: 'leading zeros', body: 'return clz<u32>(p);', right: (p) => Math.clz32(p) },
  {
    name: 'population count',
    body: 'return popcnt<u32>(p);',
    right: (p) => p.toString(2).replaceAll('0', '').length,
  },
  // hashing
  {
    name: 'Fibonacci hash',
    body: 'return (<u32>p * 2654435769) >> 20;',
    right: (p) => Math.imul(p, 2654435769) >>> 20,
    refused: true,
  },
  {
    name: 'a hash with shifts',
    body: 'let h: u32 = p; h ^= h >> 16; h *= 0x85ebca6b; h ^= h >> 13; return h;',
    right: (p) => {
      let h = Math.imul(p ^ (p >>> 16), 0x85ebca6b);
      h ^= h >>> 13;
      return h;
    },
    refused: true,
  },
  { name: 'a bucket of a table', body: 'return (p >> 4) & 7;', right: (p) => (p >> 4) & 7 },
  { name: 'a low bit of a page number', body: 'return (p >> 12) & 1;', right: (p) => (p >> 12) & 1 },
  // 64 bits and floating point
  { name: 'i64 product', body: 'return <u32>((<u64>p * 0x100000001) >> 32);', right: (p) => p },
  {
    name: 'i64 sum',
    body: 'return <u32>((<u64>p + 0xffffffff) >> 1);',
    right: (p) => Math.floor((p + 0xffffffff) / 2),
    refused: true,
  },
  { name: 'i64 shift', body: 'return <u32>((<i64>p << 20) >> 30);', right: (p) => p >> 10, refused: true },
  { name: 'i64 comparison', body: 'return <u64>p > 0x3000000 ? 1 : 0;', right: (p) => b(p > 0x3000000) },
  { name: 'i64 there and back', body: 'return <u32>(<u64>p + 8);', right: (p) => p + 8 },
  { name: 'an i64 stored', body: 'store<u64>(q, <u64>p); return load<u32>(q);', right: (p) => p },
  {
    name: 'a floating point number',
    body: 'return <u32>(<f64>p * 0.5);',
    right: (p) => Math.floor(p * 0.5),
    refused: true,
  },
  {
    name: 'reinterpreted',
    body: 'return reinterpret<f32>(<u32>p) > 1e-40 ? 1 : 0;',
    right: (p) => b(new Float32Array(new Uint32Array([p]).buffer)[0]! > Math.fround(1e-40)),
  },
  { name: 'truncated to 16 bits', body: 'return <u16>p;', right: (p) => p & 0xffff, refused: true },
  { name: 'extended from 8 bits', body: 'return <u32><i8>p;', right: (p) => (p << 24) >> 24, refused: true },
  // places where an address may stand
  {
    name: 'the offset of a memory access',
    body: 'store<u8>(p, 77); return load<u8>(x, memory.data<u8>([9, 8, 7]));',
    right: () => ANY,
  },
  { name: 'stored and loaded', body: 'store<usize>(p, q); return load<usize>(p);', right: (_p, q) => q },
  {
    name: 'a global',
    before: 'let g: usize = p;',
    body: 'g += x; return g;',
    right: (p, _q, _s, x) => p + x,
  },
  {
    name: 'a global of masked address',
    before: 'let g: usize = p & 0xff0;',
    body: 'g += x; return g;',
    right: (p, _q, _s, x) => (p & 0xff0) + x,
  },
  {
    name: 'a 64-bit global',
    before: 'let g: u64 = <u64>p * 3;',
    body: 'g += x; return <u32>g;',
    right: (p, _q, _s, x) => p * 3 + x,
  },
  {
    name: 'a 64-bit global of an address',
    before: 'let g: u64 = <u64>p;',
    body: 'g += x; return <u32>g;',
    right: (p, _q, _s, x) => p + x,
  },
  {
    name: 'a floating point global',
    before: 'let g: f64 = <f64>p;',
    body: 'g += <f64>x; return <u32>g;',
    right: (p, _q, _s, x) => p + x,
  },
  {
    name: 'data of words',
    before: 'const d = memory.data<u32>([7, changetype<u32>(memory.data<u8>([5]))]);',
    body: 'return load<u8>(load<u32>(d, 4)) + load<u32>(d);',
    right: () => 12,
  },
  {
    name: 'data of 64 bits',
    before: 'const d = memory.data<u64>([<u64>memory.data<u8>([5])]);',
    body: 'return load<u8>(<usize>load<u64>(d));',
    right: () => 5,
  },
  {
    name: 'data of 16 bits',
    before: 'const d = memory.data<u16>([<u16>memory.data<u8>([5])]);',
    body: 'return load<u16>(d);',
    right: () => ANY,
  },
  {
    name: 'data of floating point',
    before: 'const d = memory.data<f64>([<f64>memory.data<u8>([5])]);',
    body: 'return load<u8>(<usize>load<f64>(d));',
    right: () => 5,
  },
  {
    name: 'data that is not aligned',
    before: 'const e = memory.data<u8>([1], 4); const d = memory.data<u32>([memory.data<u8>([5])], 1);',
    body: 'return load<u8>(load<u32>(d)) + load<u8>(e);',
    right: () => 6,
  },
  // the table
  { name: 'a slot', body: 'return load<u32>(changetype<usize>(callee));', right: (_p, _q, slot) => slot },
  {
    name: 'a masked slot',
    body: 'return load<u32>(changetype<usize>(callee)) & 7;',
    right: (_p, _q, slot) => slot & 7,
  },
  {
    name: 'a compared slot',
    body: 'return load<u32>(changetype<usize>(callee)) > 100 ? 1 : 0;',
    right: (_p, _q, slot) => b(slot > 100),
  },
  // what the compiler tells about addresses
  {
    name: 'a branch on the memory base',
    body: 'if (ASC_MEMORY_BASE > 0x1000000) return 1; return 0;',
    right: () => ANY,
  },
  { name: 'the end of the data', body: 'return __heap_base - p;', right: () => ANY },
  { name: 'the end of the data, masked', body: 'return __heap_base & 0xfff0;', right: () => ANY },
];

type Outcome = 'refused' | 'right';

interface Probe {
  piece: Piece;
  name: string;
}

/** A source with a function for each piece, and the lines they stand in. */
function sourceOf(probes: readonly Probe[]): { text: string; lines: Map<string, number> } {
  let text = HEADER;
  const lines = new Map<string, number>();
  for (const { piece, name } of probes) {
    text += `${piece.before ?? ''}\nexport function ${name}(x: usize): u32 {\n`;
    lines.set(name, text.split('\n').length);
    text += `${piece.body}\n}\n`;
  }
  return { text, lines };
}

/** Links pieces together, leaving out what is refused until the rest links; then checks that at random bases. */
async function outcomes(
  probes: readonly Probe[],
  level: (typeof LEVELS)[number],
): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  for (let rest = [...probes]; rest.length > 0; rest = probes.filter(({ name }) => !found.has(name))) {
    const { text, lines } = sourceOf(rest);
    try {
      const linked = await linkText(text, { kind: 'image', optimizeLevel: level });
      await checkRight(linked, rest, level);
      for (const { name } of rest) found.set(name, 'right');
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      const before = found.size;
      for (const refusal of error.refusals) {
        expect(refusal.reason).toMatch(/^[a-z]/);
        // what top-level code computes is refused there, or without a place
        const name = rest.length === 1 ? rest[0]!.name : refusal.function!;
        found.set(name, 'refused');
        if (rest[0]!.piece.before !== undefined) continue;
        const line = lines.get(name);
        expect(line, `${refusal.reason} in ${name}`).toBeDefined();
        expect(refusal).toMatchObject({ function: name, file: 'drivers/sample.ts' });
        // code that was folded away altogether leads to its function's declaration, the line above
        expect([line! - 1, line!]).toContain(refusal.line);
      }
      expect(found.size).toBeGreaterThan(before);
    }
  }
  return found;
}

async function checkRight(linked: Linked, probes: readonly Probe[], level: number): Promise<void> {
  const { module, file } = await prepared(linked);
  const domain = new TestDomain();
  const next = random(level);
  for (let round = 0; round < BASES; round++) {
    const bases = randomBases(next, file);
    const functions = domain.load(module, file, bases);
    const p = functions['at_p']!();
    const q = functions['at_q']!();
    const slot = functions['slot']!();
    const x = Math.floor(next() * 1000);
    for (const { piece, name } of probes) {
      const wanted = piece.right(p, q, slot, x);
      const actual = functions[name]!(x);
      const place = `${piece.name} at -O${level}, p = ${p}`;
      if (!Number.isNaN(wanted)) expect(actual | 0, place).toBe(wanted | 0);
    }
    expect(functions['use']!(x)).toBe(x + 1);
  }
}

const probes = PIECES.map((piece, index) => ({ piece, name: `probe${index}` }));
const inFunctions = probes.filter(({ piece }) => piece.before === undefined);

describe('refused or right, all in one module', () => {
  for (const level of LEVELS) {
    test(`at -O${level}`, async () => {
      const found = await outcomes(inFunctions, level);
      for (const { piece, name } of inFunctions) {
        if (piece.refused && level === 3) expect(found.get(name), piece.name).toBe('refused');
      }
    });
  }
});

describe('refused or right, each alone', () => {
  const levels = LONG ? LEVELS : ([0, 3] as const);
  for (const probe of LONG ? probes : probes.filter(({ piece }) => piece.before !== undefined)) {
    test(probe.piece.name, async () => {
      for (const level of levels) await outcomes([probe], level);
    });
  }
});

test('code without a line leads to its function', async () => {
  const text = `const p: usize = memory.data(64);\nexport function hash(): u32 {\nlet h: u32 = p; h ^= h >> 16; h *= 0x85ebca6b; return h;\n}`;
  await expect(linkText(text)).rejects.toMatchObject({
    refusals: [{ function: 'hash', file: 'drivers/sample.ts' }],
  });
});
