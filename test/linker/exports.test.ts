// What a module offers to others and wants of them: kinds of parameters, variables on both sides, versions of imports,
// names by which it is found.

import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { link, type LinkError } from '../../host/linker/link.ts';
import { readModule } from '../../host/linker/module/module-file.ts';
import { expectRefusal, files, linkText, prepared, random, randomBases, TestDomain } from './support.ts';

const HEADER = `import { EXPORT_SYMBOL, EXPORT_SYMBOL_GPL, MODULE_ALIAS, MODULE_DESCRIPTION, MODULE_LICENSE, MODULE_SOFTDEP,
  MODULE_VERSION, InBuffer, Length, OutBuffer } from "./include/module";
`;

describe('kinds of parameters', () => {
  test('come from the names of their types', async () => {
    const text = `${HEADER.replace('OutBuffer', 'OutBuffer as Target')}
      type Bytes = usize;
      export function a(data: InBuffer, count: Length): i32 { return load<u8>(data) + count; }
      export function b(x: i64, to: Target, length: Length, from: InBuffer, size: Length, y: Bytes): void {
        memory.copy(to, from, min(length, size) + <i32>x + y);
      }
      export function c(a: usize, b: f64, c: i32): f64 { return <f64>a + b + <f64>c; }
      export function d(data: InBuffer, flags: u32, count: Length): u32 { return load<u8>(data + count) | flags; }
      EXPORT_SYMBOL(a); EXPORT_SYMBOL(b); EXPORT_SYMBOL(c); EXPORT_SYMBOL_GPL(d);`;
    const { file } = await prepared(await linkText(text));
    expect(file.symbols.map(({ name, kinds }) => [name, kinds.join('')])).toEqual([
      ['a', '13'],
      ['b', '023130'],
      ['c', '000'],
      ['d', '103'],
    ]);
  });

  test('are those of the function itself, not of another with the same code, and of other files too', async () => {
    const linked = await link({
      entry: 'drivers/sample.ts',
      kind: 'module',
      files: files({
        'drivers/sample.ts': `export { read as fetch, sum } from "./part"; export * from "./more";
          export function init_module(): i32 { return 0; }
          import { EXPORT_SYMBOL } from "./include/module"; EXPORT_SYMBOL(fetch); EXPORT_SYMBOL(sum); EXPORT_SYMBOL(again);`,
        'drivers/part.ts': `import { InBuffer, Length, OutBuffer } from "./include/module";
          export function read(to: OutBuffer, count: Length): i32 { return load<i32>(to) + count; }
          export function sum(from: InBuffer, count: Length): i32 { return load<i32>(from) + count; }`,
        'drivers/more.ts':
          'export function again(from: usize, count: i32): i32 { return load<i32>(from) + count; }',
      }),
    });
    expect(readModule(linked.bytes).symbols.map(({ name, kinds }) => [name, kinds])).toEqual([
      ['fetch', [2, 3]],
      ['sum', [1, 3]],
      ['again', [0, 0]],
    ]);
  });
});

describe('variables', () => {
  const OWNER = `${HEADER}
    MODULE_LICENSE("GPL");
    export let total: i32 = 5;
    export let wide: u64 = 0x100000002;
    export const area: usize = memory.data<u8>([1, 2, 3]);
    EXPORT_SYMBOL(total); EXPORT_SYMBOL_GPL(wide); EXPORT_SYMBOL(area);
    export function add(x: i32): i32 { total += x; return total; }
    EXPORT_SYMBOL(add);`;
  const USER = `
    // @ts-ignore: decorator
    @external("env", "add") declare function add(x: i32): i32;
    // @ts-ignore: decorator
    @external("GOT.mem", "total") declare let total: usize;
    // @ts-ignore: decorator
    @external("GOT.mem", "area") declare let area: usize;
    let own: i32 = 1000;
    const text = memory.data<u8>([7]);
    export function init_module(): i32 {
      own++;
      store<i32>(total, load<i32>(total) * 2);
      return own + add(1) + load<u8>(area, 1) * 100000 + load<u8>(text);
    }
    export function cleanup_module(): void { store<u8>(area + 2, 9); }`;

  test.each([0, 1, 2, 3] as const)(
    'are exported by address and imported by it, at -O%i',
    async (optimizeLevel) => {
      const owner = await prepared(await linkText(OWNER, { optimizeLevel }));
      const user = await prepared(await linkText(USER, { optimizeLevel, name: 'user' }));
      expect(owner.file.symbols).toMatchObject([
        { name: 'total', gplOnly: false, data: true, crc: crc32('total:data'), kinds: [] },
        { name: 'wide', gplOnly: true, data: true, crc: crc32('wide:data'), kinds: [] },
        { name: 'area', gplOnly: false, data: true, crc: crc32('area:data'), kinds: [] },
        { name: 'add', gplOnly: false, data: false, crc: crc32('add(i32)i32'), kinds: [0] },
      ]);
      expect(user.file.versions).toEqual(
        new Map([
          ['add', crc32('add(i32)i32')],
          ['total', crc32('total:data')],
          ['area', crc32('area:data')],
        ]),
      );
      expect(user.file.imports).toContainEqual({
        ...{ module: 'GOT.mem', name: 'total', kind: 'global', valueType: 'i32', mutable: true },
      });
      const domain = new TestDomain();
      const next = random(3);
      const bases = randomBases(next, owner.file);
      const functions = domain.load(owner.module, owner.file, bases);
      const address = (name: string): number =>
        bases.memory + owner.file.exports.find((entry) => entry.name === name)!.value!;
      expect(domain.view.getBigUint64(address('wide'), true)).toBe(0x100000002n);
      const got = { total: address('total'), area: address('area') };
      const others = { memory: bases.memory ^ 0x1000000, table: bases.table ^ 0x100 };
      const load = domain.load(user.module, user.file, others, { add: functions['add']! }, got);
      expect(load['init_module']!()).toBe(1001 + 11 + 200000 + 7);
      expect(functions['add']!(0)).toBe(11);
      load['cleanup_module']!();
      expect(domain.view.getUint8(address('area') + 2)).toBe(9);
    },
  );

  test('the kernel exports them as well', async () => {
    const text = `import { EXPORT_SYMBOL } from "./include/module";
      export let jiffies: u32 = 300; EXPORT_SYMBOL(jiffies); export function tick(): void { jiffies++; }`;
    const { module, file } = await prepared(await linkText(text, { kind: 'image' }));
    expect(file.symbols).toMatchObject([{ name: 'jiffies', data: true }]);
    const domain = new TestDomain();
    const exports = domain.load(module, file, { memory: 0x51230, table: 1 });
    exports['tick']!();
    const { value } = file.exports.find(({ name }) => name === 'jiffies')!;
    expect(domain.view.getUint32(0x51230 + value!, true)).toBe(301);
    expect(file.versions).toEqual(new Map());
  });
});

describe('names by which a module is found', () => {
  test('stand in .modinfo', async () => {
    const text = `${HEADER} MODULE_ALIAS("devname:sample"); MODULE_ALIAS("char-major-[0-9]*");
      MODULE_SOFTDEP("pre: a b_c post: d-e");`;
    const { modinfo } = (await prepared(await linkText(text))).file;
    expect(modinfo.get('alias')).toEqual(['devname:sample', 'char-major-[0-9]*']);
    expect(modinfo.get('softdep')).toEqual(['pre: a b_c post: d-e']);
  });
});

describe('srcversion', () => {
  const version = async (own: Record<string, string>, entry = 'drivers/sample.ts'): Promise<string> => {
    const linked = await link({ entry, kind: 'module', files: files(own) });
    return readModule(linked.bytes).modinfo.get('srcversion')![0]!;
  };
  const ENTRY = 'import { x } from "./part"; export function init_module(): i32 { return x; }';

  test('tells sources apart, wherever they lie', async () => {
    const first = await version({ 'drivers/sample.ts': ENTRY, 'drivers/part.ts': 'export const x = 1;' });
    expect(first).toMatch(/^[0-9A-F]{24}$/);
    const elsewhere = { 'test/sample.ts': ENTRY, 'test/part.ts': 'export const x = 1;' };
    expect(await version(elsewhere, 'test/sample.ts')).toBe(first);
    // a comment is a change of the source, though not of the code
    for (const part of ['export const x = 2;', 'export const x = 1; // one'])
      expect(await version({ 'drivers/sample.ts': ENTRY, 'drivers/part.ts': part })).not.toBe(first);
  });
});

describe('wrong use is refused where it stands', () => {
  const cases: [name: string, text: string, marked: string, reason: RegExp][] = [
    [
      'an alias of two words',
      'MODULE_ALIAS("a b");',
      '"a b"',
      /an alias is a word of printable ASCII letters, not "a b"/,
    ],
    ['an alias of nothing', 'MODULE_ALIAS("");', '""', /not ""/],
    ['an alias with a line feed', 'MODULE_ALIAS("a\\nb");', '"a\\n', /not "a\\nb"/],
    ['an alias that is no literal', 'const a = "x"; MODULE_ALIAS(a);', 'a);', /must be a text literal/],
    [
      'a softdep without a list',
      'MODULE_SOFTDEP("a b");',
      '"a b"',
      /a softdep is "pre: a b post: c", not "a b"/,
    ],
    ['a softdep of nobody', 'MODULE_SOFTDEP("pre:");', '"pre:"', /a softdep is/],
    ['a softdep of a path', 'MODULE_SOFTDEP("pre: ../a");', '"pre: ../a"', /a softdep is/],
    ['a softdep before its list', 'MODULE_SOFTDEP("a post: b");', '"a post: b"', /a softdep is/],
    [
      'two licences',
      'MODULE_LICENSE("GPL"); MODULE_LICENSE("MIT");',
      'MODULE_LICENSE(',
      /MODULE_LICENSE\(\) stands twice/,
    ],
    ['two versions', 'MODULE_VERSION("1"); MODULE_VERSION("2");', 'MODULE_VERSION(', /stands twice/],
    [
      'two descriptions',
      'MODULE_DESCRIPTION("1"); MODULE_DESCRIPTION("2");',
      'MODULE_DESCRIPTION(',
      /stands twice/,
    ],
    [
      'a buffer without a length',
      'export function f(data: InBuffer): void { store<u8>(data, 1); } EXPORT_SYMBOL(f);',
      'EXPORT_SYMBOL(',
      /f has a buffer without a length behind it/,
    ],
    [
      'two buffers with one length',
      'export function f(a: InBuffer, b: OutBuffer, n: Length): void { memory.copy(b, a, n); } EXPORT_SYMBOL(f);',
      'EXPORT_SYMBOL(',
      /f has a buffer without a length behind it: parameter 1/,
    ],
    [
      'a length without a buffer',
      'export function f(n: Length): i32 { return n; } EXPORT_SYMBOL(f);',
      'EXPORT_SYMBOL(',
      /f has a length without a buffer before it: parameter 1/,
    ],
    [
      'the value of a variable',
      '@external("env", "total") declare let total: i32; export function f(): i32 { return total; } EXPORT_SYMBOL(f);',
      'total: i32',
      /a variable is imported as a value: env.total/,
    ],
    [
      'the address of a variable as a constant',
      '@external("GOT.mem", "total") declare const total: usize; export function f(): i32 { return load<i32>(total); } EXPORT_SYMBOL(f);',
      'total: usize',
      /declared as "let" and "usize": total/,
    ],
    [
      'the address of a variable in 64 bits',
      '@external("GOT.mem", "total") declare let total: u64; export function f(): u64 { return total; } EXPORT_SYMBOL(f);',
      'total: u64',
      /declared as "let" and "usize": total/,
    ],
    [
      'a symbol that is imported with two types',
      `@external("env", "f") declare function f(x: i32): i32; @external("env", "f") declare function g(x: i64): i32;
       export function h(): i32 { return f(1) + g(2); } EXPORT_SYMBOL(h);`,
      'f(x: i32): i32; @',
      /a symbol is imported with two types: f/,
    ],
  ];
  test.each(cases)('%s', async (_name, text, marked, reason) => {
    await expectRefusal(HEADER + text, marked, reason);
  });

  test('everything that is wrong is told at once', async () => {
    const text = `${HEADER}
      @external("env", "total") declare let total: i32;
      export function f(a: InBuffer): i32 { return load<u8>(a); }
      EXPORT_SYMBOL(f);
      EXPORT_SYMBOL(missing);
      export function init_module(x: i32): i32 { return total; }`;
    const error: unknown = await linkText(text).catch((thrown: unknown) => thrown);
    expect((error as LinkError).refusals.map(({ reason, line }) => [line, reason])).toEqual([
      [4, expect.stringMatching(/^a variable is imported as a value/)],
      [8, expect.stringMatching(/^init_module\(\)i32 is expected/)],
      [6, expect.stringMatching(/^f has a buffer without a length/)],
      [7, expect.stringMatching(/^the entry file exports no function or variable missing/)],
    ]);
  });

  test('an address that is set', async () => {
    const text = `@external("GOT.mem", "total") declare let total: usize;
      export function init_module(): i32 { total = 5; return load<i32>(total); }`;
    await expect(linkText(text)).rejects.toMatchObject({
      refusals: [
        {
          reason: 'the address of an imported variable is set: total',
          ...{ function: 'init_module', file: 'drivers/sample.ts', line: 2 },
        },
      ],
    });
  });
});
