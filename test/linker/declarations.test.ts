// What a driver says of itself reaches the file, static texts are C strings, and wrong use is refused where it stands.

import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { link, LinkError } from '../../host/linker/link.ts';
import { readModule } from '../../host/linker/module/module-file.ts';
import { expectRefusal, files, linkText, prepared, TestDomain } from './support.ts';

const HEADER = `import { cstr, EXPORT_SYMBOL, EXPORT_SYMBOL_GPL, MODULE_AUTHOR, MODULE_DESCRIPTION, MODULE_LICENSE,
  module_param, MODULE_RESTART, MODULE_VERSION } from "./include/module";
`;

describe('metadata', () => {
  const TEXT = `${HEADER}
MODULE_LICENSE("GPL");
MODULE_AUTHOR("Ada <ada@example.org>");
MODULE_AUTHOR("Grace");
MODULE_DESCRIPTION("größte \\"Platte\\"");
MODULE_VERSION("1.2");
MODULE_RESTART("transient,intensity:3/5000");
let pad: i64 = 1;
let size: u32 = 4096;
let debug: bool = true;
export let level: i32 = -2;
module_param(size, "uint", 0o444, "size of the disk");
module_param(debug, "bool", 0o644, "more messages");
module_param(level, "int", 0, "how loud");
export function area(a: i32, b: i64): f64 { pad += b; return <f64>a * <f64>pad; }
export function helper(): i32 { return 5; }
EXPORT_SYMBOL(area);
export function ready(): void { pad = 0; }
EXPORT_SYMBOL_GPL(ready);
export function init_module(): i32 { return <i32>size + level + (debug ? 1000000 : 0); }
export function cleanup_module(): void {}
`;

  test('stands in the file', async () => {
    const linked = await linkText(TEXT, { vermagic: 'isolab 1', name: 'disk', entry: './drivers/sample.ts' });
    const { file } = await prepared(linked);
    expect(linked.name).toBe('disk');
    expect(file.name).toBe('disk');
    expect([...file.modinfo]).toEqual([
      ['license', ['GPL']],
      ['author', ['Ada <ada@example.org>', 'Grace']],
      ['description', ['größte "Platte"']],
      ['version', ['1.2']],
      ['restart', ['transient,intensity:3/5000']],
      ['intree', ['Y']],
      ['srcversion', [expect.stringMatching(/^[0-9A-F]{24}$/)]],
      ['name', ['disk']],
      ['vermagic', ['isolab 1']],
      ['globals', ['32']],
      ['parm', ['size:size of the disk', 'debug:more messages', 'level:how loud']],
      ['parmtype', ['size:uint', 'debug:bool', 'level:int']],
      ['parmperm', ['size:0444', 'debug:0644', 'level:0000']],
    ]);
    expect(file.symbols).toEqual([
      { name: 'area', gplOnly: false, data: false, crc: crc32('area(i32,i64)f64'), kinds: [0, 0] },
      { name: 'ready', gplOnly: true, data: false, crc: crc32('ready()'), kinds: [] },
    ]);
    expect(file.exports.map(({ name }) => name).sort()).toEqual([
      '__wasm_call_ctors',
      'area',
      'cleanup_module',
      'init_module',
      'ready',
    ]);
    expect(file.imports.map(({ module, name }) => `${module}.${name}`)).toEqual([
      'env.memory',
      'env.__indirect_function_table',
      'env.__memory_base',
      'env.__table_base',
    ]);
    expect(file.sourceMappingURL).toBe('disk.ko.wasm.map');
  });

  test.each([0, 1, 2, 3] as const)(
    'parameters are read from where the file says, at -O%i',
    async (optimizeLevel) => {
      const { module, file } = await prepared(await linkText(TEXT, { optimizeLevel }));
      expect(file.parameters).toMatchObject([
        { name: 'size', type: 'uint', permissions: 0o444 },
        { name: 'debug', type: 'bool', permissions: 0o644 },
        { name: 'level', type: 'int', permissions: 0 },
      ]);
      const domain = new TestDomain();
      const memory = 0x77770;
      const functions = domain.load(module, file, { memory, table: 3 });
      expect(functions['init_module']!()).toBe(4096 - 2 + 1000000);
      const [size, debug, level] = file.parameters.map(({ offset }) => memory + offset) as [
        number,
        number,
        number,
      ];
      domain.view.setUint32(size, 77, true);
      domain.view.setUint32(debug, 0, true);
      domain.view.setInt32(level, -7, true);
      expect(functions['init_module']!()).toBe(70);
    },
  );

  test('a module without any is named after its file', async () => {
    const { file } = await prepared(await linkText('export function init_module(): i32 { return 0; }'));
    expect(file.name).toBe('sample');
    expect([...file.modinfo]).toEqual([
      ['intree', ['Y']],
      ['srcversion', [expect.stringMatching(/^[0-9A-F]{24}$/)]],
      ['name', ['sample']],
      ['vermagic', [VERMAGIC]],
      ['globals', ['0']],
    ]);
    expect(file.symbols).toEqual([]);
    expect(file.parameters).toEqual([]);
  });

  test('symbols may stand in other files when the entry passes them on', async () => {
    const linked = await link({
      entry: 'drivers/sample.ts',
      kind: 'module',
      files: files({
        'drivers/sample.ts': 'export * from "./part"; export function init_module(): i32 { return 0; }',
        'drivers/part.ts':
          'import { EXPORT_SYMBOL } from "./include/module"; export function part(): i32 { return 1; } EXPORT_SYMBOL(part);',
      }),
    });
    expect(readModule(linked.bytes).symbols.map(({ name }) => name)).toEqual(['part']);
  });
});

describe('cstr', () => {
  test('is the address of UTF-8 text that ends in NUL', async () => {
    const texts = ['hello', '', 'größer', '\u{1F600}', 'two\nlines', "it's"];
    const functions = texts.map(
      (text, i) => `export function t${i}(): usize { return cstr(${JSON.stringify(text)}); }`,
    );
    const other = 'export function t(): usize { const x = [cstr(`plain`)]; return x[0]; }';
    const linked = await linkText(
      `${HEADER}${functions.join('\n')}\n${other.replace('[cstr(`plain`)]', 'cstr(`plain`)').replace('x[0]', 'x')}`,
      { kind: 'image' },
    );
    const { module, file } = await prepared(linked);
    const domain = new TestDomain();
    const exports = domain.load(module, file, { memory: 0x61230, table: 1 });
    texts.forEach((text, i) => expect(domain.text(exports[`t${i}`]!())).toBe(text));
    expect(domain.text(exports['t']!())).toBe('plain');
  });

  test('works at the top level, in classes, in inlined functions and in other files', async () => {
    const linked = await link({
      entry: 'drivers/sample.ts',
      kind: 'image',
      files: files({
        'drivers/sample.ts': `import { name, Thing } from "./part"; import { cstr } from "./include/module";
          const top = cstr("top");
          export function a(): usize { return top; }
          export function b(): usize { return name(); }
          export function c(): usize { return Thing.text(); }
          export function d(x: i32): usize { return x ? cstr("yes") : cstr("no"); }`,
        'drivers/part.ts': `import { cstr } from "./include/module";
          // @ts-ignore: decorator
          @inline export function name(): usize { return cstr("inline"); }
          export class Thing { static text(): usize { return cstr("class"); } }`,
      }),
    });
    const { module, file } = await prepared(linked);
    const domain = new TestDomain();
    const exports = domain.load(module, file, { memory: 0x61230, table: 1 });
    const read = (name: string, x = 0): string => domain.text(exports[name]!(x));
    expect([read('a'), read('b'), read('c'), read('d', 1), read('d')]).toEqual([
      'top',
      'inline',
      'class',
      'yes',
      'no',
    ]);
  });
});

describe('wrong use is refused where it stands', () => {
  const VARIABLE = 'let size: u32 = 1;\n';
  const cases: [name: string, text: string, marked: string, reason: RegExp][] = [
    ['a licence that is no literal', 'const l = "GPL"; MODULE_LICENSE(l);', 'l);', /must be a text literal/],
    [
      'a licence in a function',
      'export function f(): void { MODULE_LICENSE("GPL"); }',
      'MODULE_LICENSE(',
      /top level/,
    ],
    ['too many arguments', 'MODULE_AUTHOR("a", "b");', 'MODULE_AUTHOR(', /takes 1 argument/],
    ['a restart policy of unknown words', 'MODULE_RESTART("transient,twice");', '"tr', /policy: "twice"$/],
    ['a NUL in a text', 'MODULE_AUTHOR("a\\0b");', '"a', /contains a NUL/],
    [
      'a parameter that does not exist',
      'module_param(size, "uint", 0o444, "x");',
      'size',
      /no variable of this file: size/,
    ],
    [
      'a parameter that is constant',
      'const size: u32 = 1; module_param(size, "uint", 0o444, "x");',
      'size, ',
      /a constant: size/,
    ],
    [
      'a parameter in a function',
      `${VARIABLE}export function f(): void { module_param(size, "uint", 0, "x"); }`,
      'module_param(',
      /top level/,
    ],
    [
      'a local variable',
      'export function f(): i32 { let size = 1; return size; } module_param(size, "int", 0, "x");',
      'size, ',
      /no variable of this file/,
    ],
    ['an unknown type', `${VARIABLE}module_param(size, "long", 0, "x");`, '"long"', /not "long"/],
    [
      'a type that does not fit',
      `${VARIABLE}module_param(size, "int", 0, "x");`,
      'size, ',
      /must be i32 or isize, not u32/,
    ],
    ['a parameter of 64 bits', 'let size: u64 = 1; module_param(size, "uint", 0, "x");', 'size, ', /not u64/],
    ['a parameter of 16 bits', 'let size: u16 = 1; module_param(size, "uint", 0, "x");', 'size, ', /not u16/],
    [
      'permissions that are no literal',
      `${VARIABLE}module_param(size, "uint", size, "x");`,
      'size, "x"',
      /number literal/,
    ],
    [
      'permissions beyond a mode',
      `${VARIABLE}module_param(size, "uint", 0o7777, "x");`,
      '0o7777',
      /beyond 0o777: 4095/,
    ],
    [
      'a parameter twice',
      `${VARIABLE}module_param(size, "uint", 0, "x"); module_param(size, "uint", 0, "y");`,
      'module_param(size, "uint", 0, "y")',
      /twice: size/,
    ],
    [
      'a parameter that is computed',
      'function f(): u32 { return load<u32>(8); } let size: u32 = f(); module_param(size, "uint", 0, "x");',
      'size, ',
      /initial value must be a constant/,
    ],
    [
      'a symbol that is not exported',
      'function f(): void {} EXPORT_SYMBOL(f);',
      'EXPORT_SYMBOL(',
      /exports no function or variable f/,
    ],
    [
      'a symbol that is a constant',
      'export const f: i32 = 1; EXPORT_SYMBOL(f);',
      'EXPORT_SYMBOL(',
      /a constant, which no memory holds: f/,
    ],
    [
      'a symbol that is a type',
      'export type f = i32; EXPORT_SYMBOL(f);',
      'EXPORT_SYMBOL(',
      /exports no function or variable f/,
    ],
    [
      'a symbol by an expression',
      'export function f(): void {} EXPORT_SYMBOL(f + 1);',
      'f + 1',
      /must be a name/,
    ],
    [
      'a symbol twice',
      'export function f(): void {} EXPORT_SYMBOL(f); EXPORT_SYMBOL_GPL(f);',
      'EXPORT_SYMBOL_GPL(f',
      /exported twice: f/,
    ],
    [
      'a static text that is none',
      'export function f(x: string): usize { return cstr(x); }',
      'x); }',
      /must be a text literal/,
    ],
    [
      'a static text with a variable',
      'export function f(x: i32): usize { return cstr(`a${x}`); }',
      '`a$',
      /must be a text literal/,
    ],
    ['two static texts', 'export function f(): usize { return cstr("a", "b"); }', 'cstr(', /takes one text/],
  ];
  test.each(cases)('%s', async (_name, text, marked, reason) => {
    await expectRefusal(HEADER + text, marked, reason);
  });

  test('a declaration in a file that is not the entry', async () => {
    const own = {
      'drivers/sample.ts': 'import "./part"; export function init_module(): i32 { return 0; }',
      'drivers/part.ts': '\nMODULE_LICENSE("GPL");',
    };
    await expect(
      link({ entry: 'drivers/sample.ts', kind: 'module', files: files(own) }),
    ).rejects.toMatchObject({
      refusals: [
        {
          reason: 'MODULE_LICENSE() stands in a file that is not the entry',
          file: 'drivers/part.ts',
          line: 2,
        },
      ],
    });
  });

  test.each([
    [
      'init_module with a parameter',
      'export function init_module(x: i32): i32 { return x; }',
      'init_module()i32 is expected, not init_module(i32)i32',
    ],
    [
      'cleanup_module with a result',
      'export function cleanup_module(): i32 { return 0; }',
      'cleanup_module() is expected, not cleanup_module()i32',
    ],
    [
      'an import from elsewhere',
      '@external("host", "now") declare function now(): f64; export function init_module(): i32 { return <i32>now(); }',
      'a function is imported from elsewhere than the kernel: host.now',
    ],
    [
      'an imported variable',
      '@external("env", "jiffies") declare const jiffies: i32; export function init_module(): i32 { return jiffies; }',
      'a variable is imported as a value: env.jiffies; its address is imported from "GOT.mem"',
    ],
  ])('%s', async (_name, text, reason) => {
    const place = { file: 'drivers/sample.ts', line: 1 };
    await expect(linkText(text)).rejects.toMatchObject({ refusals: [{ reason, ...place }] });
  });

  test('a function with optional parameters in a table', async () => {
    const text = `function op(a: i32, b: i32 = 5): i32 { return a + b; }
      export function init_module(): i32 { return load<u32>(changetype<usize>(op)); }`;
    const reason = 'a function with optional parameters cannot be called from another module';
    await expect(linkText(text)).rejects.toMatchObject({
      refusals: [{ reason, function: 'op', file: 'drivers/sample.ts', line: 1 }],
    });
  });

  test("asc's own errors carry their place", async () => {
    await expect(linkText('export function f(): i32 {\n  return nothing;\n}')).rejects.toMatchObject({
      refusals: [{ reason: "Cannot find name 'nothing'.", file: 'drivers/sample.ts', line: 2, column: 10 }],
    });
    await expect(linkText('export function f(: i32 {}')).rejects.toBeInstanceOf(LinkError);
    await expect(linkText('import "./nowhere";')).rejects.toMatchObject({
      refusals: [{ file: 'drivers/sample.ts' }],
    });
    await expect(linkText('', { entry: 'nowhere.ts' })).rejects.toMatchObject({
      refusals: [{ reason: 'no such file: nowhere.ts' }],
    });
    await expect(linkText('', { entry: 'drivers/x.c' })).rejects.toMatchObject({
      refusals: [{ reason: 'not an AssemblyScript file: drivers/x.c' }],
    });
    await expect(linkText('', { name: 'a b' })).rejects.toMatchObject({
      refusals: [{ reason: 'not a module name: a b' }],
    });
  });
});
