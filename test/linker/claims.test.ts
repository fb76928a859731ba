// What a file claims in its sections is understood entry by entry, filled in where the file leaves it out, and refused where
// it does not hold.

import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { symbolCrc } from '../../host/linker/module/crc.ts';
import { BadModule, readModule } from '../../host/linker/module/module-file.ts';
import { code, custom, dylink, file, I32, imports, type Part } from './handmade.ts';

const symbols = (name: string, kinds = '', flags = 0): Part =>
  custom('__ksymtab', (to) => to.cstring(name).cstring(kinds).u8(flags).u32le(7));
const parameter = (offset: number, type = 2, count = 1, mode = 0): Part =>
  custom('__param', (to) => to.cstring('size').u8(type).u16le(mode).u16le(count).u32le(offset));
const versions = (...names: string[]): Part =>
  custom('__versions', (to) => names.forEach((name) => to.u32le(9).cstring(name)));
const modinfo = (text: string): Part => custom('.modinfo', (to) => to.cstring(text));
/** Exports go, a function of four numbers, and variables: word at 12, far at 64, moving. */
const exporting = [
  dylink(),
  [
    1,
    (to) =>
      to
        .u32(1)
        .u8(0x60)
        .u32(4)
        .raw(Uint8Array.from([I32, I32, I32, 0x7e]))
        .u32(0),
  ],
  imports,
  [3, (to) => to.u32(1).u32(0)],
  [
    6,
    (to) => {
      to.u32(3);
      for (const [mutable, value] of [
        [0, 12],
        [0, 64],
        [1, 8],
      ] as const)
        to.u8(I32).u8(mutable).u8(0x41).s32(value).u8(0x0b);
    },
  ],
  [
    7,
    (to) => {
      to.u32(4).text('go').u8(0).u32(1);
      for (const [index, name] of ['word', 'far', 'moving'].entries())
        to.text(name)
          .u8(3)
          .u32(2 + index);
    },
  ],
  code,
] as const satisfies Part[];

test('lists are read entry by entry, and what is left out is filled in', () => {
  const module = readModule(
    file(
      ...exporting,
      custom('__ksymtab', (to) => {
        to.cstring('word').cstring('').u8(3).u32le(0);
        to.cstring('go').cstring('ilss').u8(0).u32le(0);
      }),
      versions('kmalloc'),
      custom('__param', (to) => to.cstring('word').u8(0x80).u16le(0o644).u16le(52).u32le(0xffffffff)),
    ),
  );
  const signature = { parameters: [I32, I32, I32, 0x7e], results: [] };
  expect(module.symbols).toEqual([
    { name: 'word', gplOnly: true, data: true, crc: crc32('word:data'), kinds: [] },
    { name: 'go', gplOnly: false, data: false, crc: symbolCrc('go', signature), kinds: [1, 3, 0, 0] },
  ]);
  expect(module.versions).toEqual(new Map([['kmalloc', 9]]));
  expect(module.parameters).toEqual([
    { name: 'word', type: 'bool', array: true, count: 52, permissions: 0o644, offset: 12 },
  ]);
  // an assembler cannot tell a variable from a function
  const [variable] = readModule(file(...exporting, symbols('word'))).symbols;
  expect(variable).toMatchObject({ name: 'word', data: true, kinds: [] });
  const [unknown] = readModule(file(...exporting, symbols('go', '', 1))).symbols;
  expect(unknown).toEqual({ name: 'go', gplOnly: true, data: false, crc: 7, kinds: [0, 0, 0, 0] });
});

test('parameters may stand in .modinfo alone', () => {
  const info = custom('.modinfo', (to) =>
    to
      .cstring('parmtype=word:int')
      .cstring('parmperm=word:0600')
      .cstring('parmtype=size:uint')
      .cstring('persist=word'),
  );
  expect(readModule(file(...exporting, parameter(4), info)).parameters).toEqual([
    { name: 'size', type: 'uint', array: false, count: 1, permissions: 0, offset: 4 },
    { name: 'word', type: 'int', array: false, count: 1, permissions: 0o600, offset: 12 },
  ]);
});

const bad: [name: string, bytes: Uint8Array, reason: RegExp | typeof BadModule][] = [
  [
    'a symbol that is not exported',
    file(...exporting, symbols('gone')),
    /symbol gone is no exported function/,
  ],
  [
    'a symbol that is a moving variable',
    file(...exporting, symbols('moving')),
    /moving is no exported variable/,
  ],
  [
    'a symbol twice',
    file(
      ...exporting,
      custom('__ksymtab', (to) => [0, 1].forEach(() => to.cstring('go').cstring('').u8(0).u32le(0))),
    ),
    /symbol go stands twice/,
  ],
  ['a symbol without a name', file(...exporting, symbols('')), /not a name of a symbol: ""/],
  ['a symbol with a line feed', file(...exporting, symbols('g\no')), /not a name of a symbol: "g\\x0ao"/],
  ['a symbol with other parameters', file(...exporting, symbols('go', 's')), /describes 1 parameters of 4/],
  ['a symbol of unknown kinds', file(...exporting, symbols('go', 'ssxs')), /parameter of unknown kind x/],
  [
    'a length without a buffer',
    file(...exporting, symbols('go', 'slis')),
    /length without a buffer before it: parameter 2/,
  ],
  [
    'a buffer without a length',
    file(...exporting, symbols('go', 'soss')),
    /buffer without a length behind it/,
  ],
  [
    'two buffers with one length',
    file(...exporting, symbols('go', 'iols')),
    /buffer without a length behind it: parameter 1/,
  ],
  ['a length of 64 bits', file(...exporting, symbols('go', 'ssil')), /no 32-bit number: parameter 4/],
  ['a symbol of unknown flags', file(...exporting, symbols('go', '', 4)), /unknown flags 4/],
  ['a variable that is a function', file(...exporting, symbols('go', '', 2)), /go is no exported variable/],
  ['a variable that moves', file(...exporting, symbols('moving', '', 2)), /moving is no exported variable/],
  [
    'a variable outside of its memory',
    file(...exporting, symbols('far', '', 2)),
    /far lies outside of its memory: 64/,
  ],
  [
    'a variable with parameters',
    file(...exporting, symbols('word', 's', 2)),
    /word is a variable with parameters/,
  ],
  [
    'a symbol without an end',
    file(
      ...exporting,
      custom('__ksymtab', (to) => to.cstring('go').u8(0x73)),
    ),
    /a text without its end/,
  ],
  [
    'a symbol cut short',
    file(
      ...exporting,
      custom('__ksymtab', (to) => to.cstring('go').cstring('').u8(0).u16le(1)),
    ),
    /the file ends too early/,
  ],
  [
    'symbols with a count before them, as they once were',
    file(
      ...exporting,
      custom('__ksymtab', (to) => to.u32(1).text('go').u8(0).u32le(7).u32(0)),
    ),
    BadModule,
  ],
  ['a version of no import', file(...exporting, versions('kfree')), /__versions names no import: kfree/],
  ['a version of a global', file(...exporting, versions('__table_base')), /names no import: __table_base/],
  ['a version twice', file(...exporting, versions('kmalloc', 'kmalloc')), /a symbol twice: kmalloc/],
  ['a version without a name', file(...exporting, versions('')), /not a name of a symbol/],
  [
    'a version cut short',
    file(
      ...exporting,
      custom('__versions', (to) => to.u16le(1)),
    ),
    /the file ends too early/,
  ],
  [
    'a parameter outside of its memory',
    file(dylink(), parameter(61)),
    /parameter size lies outside of its memory: 61/,
  ],
  [
    'an array that ends outside of its memory',
    file(dylink(), parameter(8, 0x82, 15)),
    /parameter size lies outside of its memory: 8/,
  ],
  ['a parameter of an unknown type', file(dylink(), parameter(0, 4)), /unknown type 4/],
  ['an array without room', file(dylink(), parameter(0, 0x82, 0)), /wrong number of values: 0/],
  ['a number with room for two', file(dylink(), parameter(0, 2, 2)), /wrong number of values: 2/],
  ['permissions beyond a mode', file(dylink(), parameter(0, 2, 1, 0o1000)), /unknown permissions 01000/],
  [
    'a parameter twice',
    file(
      dylink(),
      custom('__param', (to) => [0, 1].forEach(() => to.cstring('a').u8(0).u16le(0).u16le(1).u32le(0))),
    ),
    /parameter a stands twice/,
  ],
  [
    'a parameter with a bell in its name',
    file(
      dylink(),
      custom('__param', (to) => to.cstring('a\x07').u8(0).u16le(0).u16le(1).u32le(0)),
    ),
    /not a name of a parameter: "a\\x07"/,
  ],
  [
    'a parameter that is no export',
    file(dylink(), parameter(0xffffffff)),
    /parameter size is no exported variable/,
  ],
  [
    'a parameter of .modinfo that is no export',
    file(dylink(), modinfo('parmtype=size:int')),
    /parameter size is no exported variable/,
  ],
  [
    'a parameter of .modinfo of an unknown type',
    file(...exporting, modinfo('parmtype=word:long')),
    /parameter word is of an unknown type long/,
  ],
  [
    'an array of .modinfo alone',
    file(...exporting, modinfo('parmtype=word:array of int')),
    /no __param entry says of how many/,
  ],
  [
    'a type of .modinfo without a name',
    file(...exporting, modinfo('parmtype=int')),
    /a parmtype without a name: int/,
  ],
  [
    'permissions of .modinfo beyond a mode',
    file(
      ...exporting,
      custom('.modinfo', (to) => to.cstring('parmtype=word:int').cstring('parmperm=word:0999')),
    ),
    /unknown permissions 0999/,
  ],
  [
    'persistent data that is no parameter',
    file(...exporting, modinfo('persist=word')),
    /persistent data is no parameter: word/,
  ],
];
test.each(bad)('%s is refused', (_name, bytes, reason) => {
  expect(() => readModule(bytes)).toThrow(BadModule);
  expect(() => readModule(bytes)).toThrow(reason);
});
