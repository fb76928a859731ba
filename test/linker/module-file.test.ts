// Reading strangers' files: what is right is understood, everything else is a BadModule and nothing else.

import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../host/linker/wasm/bytes.ts';
import { symbolCrc } from '../../host/linker/module/crc.ts';
import { BadModule, readModule } from '../../host/linker/module/module-file.ts';
import { ModuleSymbols } from '../../host/linker/module/symbols.ts';
import {
  code,
  custom,
  data,
  dylink,
  element,
  exported,
  file,
  functions,
  I32,
  imports,
  types,
} from './handmade.ts';
import { linkText, LONG, random } from './support.ts';

const MUTANTS = LONG ? 200_000 : 6000;
const GET_MEMORY = [0x23, 0];
const GET_TABLE = [0x23, 1];
const ADD_8 = [0x41, 8, 0x6a];

describe("a stranger's file", () => {
  test('is understood', () => {
    const module = readModule(
      file(
        custom('dylink.0', (to) => {
          to.u8(1).block((part) => part.u32(64).u32(4).u32(4).u32(0));
          to.u8(2).block((part) => part.u32(1).text('libc.so'));
          to.u8(4).block((part) => {
            part.u32(2).text('env').text('maybe').u32(0x11).text('env').text('must').u32(0x10);
          });
          to.u8(9).block((part) => part.u32(7));
        }),
        types,
        imports,
        functions,
        [6, (to) => to.u32(2).u8(I32).u8(0).u8(0x41).s32(12).u8(0x0b).u8(I32).u8(1).u8(0x41).s32(5).u8(0x0b)],
        [7, (to) => to.u32(3).text('go').u8(0).u32(1).text('buffer').u8(3).u32(2).text('sp').u8(3).u32(3)],
        element([...GET_TABLE, 0x41, 2, 0x6a], 1),
        code,
        data([0x41, 8, ...GET_MEMORY, 0x6a], 16),
      ),
    );
    const signature = { parameters: [I32], results: [I32] };
    expect(module).toEqual({
      name: '',
      shownName: '',
      memory: { size: 64, alignment: 16 },
      table: { size: 4, alignment: 1 },
      needed: ['libc.so'],
      weak: new Set(['env.maybe']),
      modinfo: new Map(),
      symbols: [],
      parameters: [],
      versions: new Map(),
      imports: [
        {
          module: 'env',
          name: 'memory',
          kind: 'memory',
          limits: { minimum: 1, maximum: null, shared: false },
        },
        {
          module: 'env',
          name: '__indirect_function_table',
          kind: 'table',
          limits: { minimum: 1, maximum: null, shared: false },
        },
        { module: 'env', name: '__memory_base', kind: 'global', valueType: 'i32', mutable: false },
        { module: 'env', name: '__table_base', kind: 'global', valueType: 'i32', mutable: false },
        { module: 'env', name: 'kmalloc', kind: 'function', signature, crc: symbolCrc('kmalloc', signature) },
      ],
      exports: [
        { name: 'go', kind: 'function', index: 1, signature: { parameters: [], results: [] }, value: null },
        { name: 'buffer', kind: 'global', index: 2, signature: null, value: 12 },
        { name: 'sp', kind: 'global', index: 3, signature: null, value: null },
      ],
      functions: [{ name: 'function1', start: expect.any(Number) as number }],
      data: [{ offset: 8, length: 16 }],
      elements: [{ offset: 2, count: 1 }],
      hasStart: false,
      sourceMappingURL: null,
    });
  });

  const bad: [name: string, bytes: Uint8Array, reason: RegExp][] = [
    ['nothing', new Uint8Array(), /not a WebAssembly file/],
    ['an ELF file', Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0]), /not a WebAssembly file/],
    [
      'another version',
      new ByteWriter().u32le(0x6d736100).u32le(2).bytes(),
      /version 2 of WebAssembly is not supported/,
    ],
    ['no dylink.0', file(types), /does not begin with a dylink.0/],
    ['dylink.0 that is not first', file(types, dylink()), /does not begin with a dylink.0/],
    ['two dylink.0', file(dylink(), dylink()), /more than one section dylink.0/],
    ['too much memory', file(dylink(0x4000001)), /too much memory: 67108865/],
    ['too much of the table', file(dylink(0, 65537)), /too much of the table: 65537/],
    [
      'a table that no engine has',
      file(dylink(), [2, (to) => to.u32(1).text('env').text('t').u8(1).u8(0x70).u8(0).u32(0x80000000)]),
      /too large a table: 2147483648 slots/,
    ],
    ['sections out of order', file(dylink(), functions, types), /out of order/],
    ['a section twice', file(dylink(), types, types), /out of order/],
    ['an unknown section', file(dylink(), [14, (to) => to]), /section 14 is unknown/],
    ['a memory of its own', file(dylink(), [5, (to) => to.u32(1).u8(0).u32(1)]), /a memory of its own/],
    [
      'a table of its own',
      file(dylink(), [4, (to) => to.u32(1).u8(0x70).u8(0).u32(1)]),
      /a table of its own/,
    ],
    [
      'two memories',
      file(dylink(), [
        2,
        (to) => to.u32(2).text('a').text('b').u8(2).u8(0).u32(1).text('a').text('c').u8(2).u8(0).u32(1),
      ]),
      /more than one memory/,
    ],
    [
      'a tag',
      file(dylink(), [2, (to) => to.u32(1).text('a').text('b').u8(4).u8(0).u32(0)]),
      /unknown kind 4/,
    ],
    ['functions without bodies', file(dylink(), types, functions), /1 functions and 0 bodies/],
    ['a function without type', file(dylink(), functions, code), /has no type 1/],
    [
      'an import without type',
      file(dylink(), [2, (to) => to.u32(1).text('env').text('f').u8(0).u32(3)]),
      /has no type 3/,
    ],
    [
      'a start that does not exist',
      file(dylink(), types, [8, (to) => to.u32(5)]),
      /start function does not exist: 5/,
    ],
    [
      'data at a fixed address',
      file(dylink(), types, imports, data([0x41, 8], 4)),
      /does not lie at env.__memory_base/,
    ],
    [
      'data at the table base',
      file(dylink(), types, imports, data(GET_TABLE, 4)),
      /does not lie at env.__memory_base/,
    ],
    [
      'data beyond its memory',
      file(dylink(), types, imports, data([...GET_MEMORY, ...ADD_8], 57)),
      /outside of its memory: 8 and 57 bytes of 64/,
    ],
    [
      'data before its memory',
      file(dylink(), types, imports, data([...GET_MEMORY, 0x41, 0x7f, 0x6a], 4)),
      /outside of its memory: -1/,
    ],
    [
      'slots at the memory base',
      file(dylink(), types, imports, functions, element(GET_MEMORY, 1), code),
      /does not lie at env.__table_base/,
    ],
    [
      'slots beyond its table',
      file(dylink(64, 0), types, imports, functions, element(GET_TABLE, 1), code),
      /outside of its slots/,
    ],
    [
      'a slot that names no function',
      file(dylink(), types, imports, functions, element(GET_TABLE, 9), code),
      /names no function: 9/,
    ],
    [
      'an export of no function',
      file(dylink(), types, imports, functions, exported('go', 2), code),
      /export go is no function: 2/,
    ],
    [
      'an export twice',
      file(
        dylink(),
        types,
        imports,
        functions,
        [7, (to) => to.u32(2).text('a').u8(0).u32(1).text('a').u8(0).u32(1)],
        code,
      ),
      /exports a twice/,
    ],
    [
      'an export with a line feed',
      file(dylink(), types, imports, functions, exported('a\nb'), code),
      /not a name of an export: "a\\x0ab"/,
    ],
    [
      'a name that is not UTF-8',
      file(dylink(), [2, (to) => to.u32(1).u32(1).u8(0xff).text('x').u8(0).u32(0)]),
      /not UTF-8/,
    ],
    [
      'modinfo without a key',
      file(
        dylink(),
        custom('.modinfo', (to) => to.raw(new TextEncoder().encode('GPL\0'))),
      ),
      /without a key: "GPL"/,
    ],
    [
      'a module that goes by two names',
      file(
        dylink(),
        custom('.modinfo', (to) => to.raw(new TextEncoder().encode('name=good\0'))),
        custom('name', (to) => to.u8(0).block((part) => part.text('ramdisk'))),
      ),
      /disagree: good, ramdisk/,
    ],
    [
      'a count beyond the file',
      file(dylink(), [1, (to) => to.u32(0xffffffff)]),
      /a list of 4294967295 entries/,
    ],
    [
      'an endless number',
      file(dylink(), [1, (to) => to.raw(new Uint8Array(12).fill(0x80))]),
      /more than 32 bits/,
    ],
  ];
  test.each(bad)('%s is refused', (_name, bytes, reason) => {
    expect(() => readModule(bytes)).toThrow(BadModule);
    expect(() => readModule(bytes)).toThrow(reason);
  });
});

describe('damaged files', async () => {
  const { bytes } = await linkText(
    `import { cstr, EXPORT_SYMBOL, InBuffer, Length, MODULE_ALIAS, MODULE_LICENSE, MODULE_PERSIST, module_param,
      module_param_array } from "./include/module";
    MODULE_LICENSE("GPL");
    MODULE_ALIAS("devname:sample");
    let size: u32 = 5;
    module_param(size, "uint", 0o444, "size");
    let label: usize = cstr("none");
    module_param(label, "charp", 0o644, "label");
    const lines: StaticArray<i32> = [1, 2, 3];
    module_param_array(lines, "int", 0o444, "lines");
    MODULE_PERSIST(size);
    @external("env", "other") declare function other(x: i32): i32;
    @external("GOT.mem", "jiffies") declare let jiffies: usize;
    export let total: i32 = 1;
    EXPORT_SYMBOL(total);
    const words: StaticArray<string> = ["one", "two"];
    const fns: StaticArray<(x: i32) => i32> = [(x: i32): i32 => x + 1];
    export function area(x: i32): usize { return size++ + cstr("text") + fns[0](x) + words[x & 1].length; }
    EXPORT_SYMBOL(area);
    export function sum(data: InBuffer, count: Length): i32 { return load<u8>(data + count) + other(lines[1]); }
    EXPORT_SYMBOL(sum);
    export function init_module(): i32 { return load<i32>(jiffies) + load<u8>(label); }`,
  );

  /** Reads; everything but a BadModule fails the test. */
  const harmless = (mutant: Uint8Array): boolean => {
    let read = true;
    for (const look of [() => readModule(mutant), () => new ModuleSymbols(mutant)]) {
      try {
        look();
      } catch (error) {
        if (!(error instanceof BadModule)) throw error;
        expect(error.message).toMatch(/^[^A-Z\p{Cc}][^\p{Cc}]*$/u);
        read = false;
      }
    }
    return read;
  };

  test('every shortened file is refused or harmless', () => {
    for (let length = 0; length < bytes.length; length++) harmless(bytes.slice(0, length));
  });

  test('every changed byte is refused or harmless', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff, bytes[at]! ^ 1]) {
        const mutant = bytes.slice();
        mutant[at] = value;
        harmless(mutant);
      }
    }
  });

  test('random damage is refused or harmless', () => {
    const next = random(7);
    const below = (limit: number): number => Math.floor(next() * limit);
    let read = 0;
    for (let round = 0; round < MUTANTS; round++) {
      let mutant = bytes.slice();
      for (let change = below(4); change >= 0; change--) {
        const at = below(mutant.length);
        const kind = below(4);
        const random = Uint8Array.from({ length: 1 + below(8) }, () => below(256));
        if (kind === 0) mutant[at] = below(256);
        else if (kind === 1)
          mutant = Uint8Array.from([...mutant.slice(0, at), ...random, ...mutant.slice(at)]);
        else if (kind === 2)
          mutant = Uint8Array.from([...mutant.slice(0, at), ...mutant.slice(at + random.length)]);
        else mutant.copyWithin(at, below(mutant.length), below(mutant.length));
      }
      if (harmless(mutant)) read++;
    }
    expect(read).toBeGreaterThan(0);
  });
});
