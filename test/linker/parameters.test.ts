// Parameters of every type, and arrays of them: the file says where they lie and what they are, and the module's code reads
// them there, wherever it is loaded.

import { describe, expect, test } from 'vitest';
import { expectRefusal, linkText, prepared, random, randomBases, TestDomain } from './support.ts';

const HEADER = `import { cstr, MODULE_LICENSE, module_param, module_param_array, MODULE_PERSIST } from "./include/module";
`;
const TEXT = `${HEADER}
MODULE_LICENSE("GPL");
let label: usize = cstr("none");
let nothing: usize = 0;
let loud: bool = true;
let level: i32 = -2;
const lines: StaticArray<i32> = [1, -2, 0];
const masks: StaticArray<u32> = [0xffffffff, 5];
const flags: StaticArray<bool> = [true, false, false, true, false];
const names: StaticArray<usize> = [cstr("a"), cstr("größer"), 0];
module_param(label, "charp", 0o644, "name");
module_param(nothing, "charp", 0, "no text");
module_param_array(lines, "int", 0o444, "lines");
module_param_array(masks, "uint", 0o640, "masks");
module_param_array(flags, "bool", 0o444, "flags");
module_param_array(names, "charp", 0o444, "names");
module_param(level, "int", 0o600, "level");
module_param(loud, "bool", 0o444, "loud");
MODULE_PERSIST(level);
export function get_label(): usize { return label; }
export function get_nothing(): usize { return nothing; }
export function get_line(i: i32): i32 { return lines[i]; }
export function get_mask(i: i32): u32 { return masks[i]; }
export function get_flag(i: i32): bool { return flags[i]; }
export function get_name(i: i32): usize { return names[i]; }
export function get_level(): i32 { return level; }
export function get_loud(): bool { return loud; }
`;
const GETTERS = ['label', 'nothing', 'line', 'mask', 'flag', 'name', 'level', 'loud'].map(
  (name) => `get_${name}`,
);
const EXPORTED = `import { EXPORT_SYMBOL } from "./include/module";
${TEXT}${GETTERS.map((name) => `EXPORT_SYMBOL(${name});`).join('\n')}`;

describe.each([0, 3] as const)('at -O%i', (optimizeLevel) => {
  test('are described', async () => {
    const { file } = await prepared(await linkText(EXPORTED, { optimizeLevel }));
    const plain = { array: false, count: 1 };
    expect(file.parameters).toMatchObject([
      { name: 'label', type: 'charp', permissions: 0o644, ...plain },
      { name: 'nothing', type: 'charp', permissions: 0, ...plain },
      { name: 'lines', type: 'int', permissions: 0o444, array: true, count: 3 },
      { name: 'masks', type: 'uint', permissions: 0o640, array: true, count: 2 },
      { name: 'flags', type: 'bool', permissions: 0o444, array: true, count: 5 },
      { name: 'names', type: 'charp', permissions: 0o444, array: true, count: 3 },
      { name: 'level', type: 'int', permissions: 0o600, ...plain },
      { name: 'loud', type: 'bool', permissions: 0o444, ...plain },
    ]);
    expect(file.modinfo.get('parmtype')).toEqual([
      ...['label:charp', 'nothing:charp', 'lines:array of int', 'masks:array of uint'],
      ...['flags:array of bool', 'names:array of charp', 'level:int', 'loud:bool'],
    ]);
    expect(file.modinfo.get('parmperm')?.slice(0, 3)).toEqual(['label:0644', 'nothing:0000', 'lines:0444']);
    expect(file.modinfo.get('persist')).toEqual(['level']);
    expect(file.exports.filter(({ name }) => name.includes('param'))).toEqual([]);
  });

  test('are read and written where the file says, wherever it lies', async () => {
    const { module, file } = await prepared(await linkText(EXPORTED, { optimizeLevel }));
    const next = random(11);
    for (let round = 0; round < 5; round++) {
      const domain = new TestDomain();
      const bases = randomBases(next, file);
      const get = domain.load(module, file, bases);
      const at = (name: string): number =>
        bases.memory + file.parameters.find((p) => p.name === name)!.offset;
      const { view } = domain;
      expect(domain.text(get['get_label']!())).toBe('none');
      expect(view.getUint32(at('label'), true)).toBe(get['get_label']!());
      expect(get['get_nothing']!()).toBe(0);
      expect([0, 1, 2].map((i) => get['get_line']!(i))).toEqual([1, -2, 0]);
      expect(get['get_mask']!(0) >>> 0).toBe(0xffffffff);
      expect([0, 1, 2, 3, 4].map((i) => get['get_flag']!(i))).toEqual([1, 0, 0, 1, 0]);
      expect([0, 1].map((i) => domain.text(get['get_name']!(i)))).toEqual(['a', 'größer']);
      // what a loader writes: a bool is one byte, an element lies behind the one before
      view.setUint32(at('label'), 1234, true);
      view.setInt32(at('lines') + 8, -77, true);
      view.setUint32(at('masks') + 4, 99, true);
      view.setUint8(at('flags') + 4, 1);
      view.setUint8(at('loud'), 0);
      view.setUint32(at('names') + 8, 4321, true);
      view.setInt32(at('level'), 1 << 30, true);
      expect([get['get_label']!(), get['get_line']!(2), get['get_mask']!(1)]).toEqual([1234, -77, 99]);
      expect([get['get_flag']!(4), get['get_loud']!(), get['get_name']!(2)]).toEqual([1, 0, 4321]);
      expect(get['get_level']!()).toBe(1 << 30);
      // nothing beside it has moved
      expect([get['get_line']!(1), get['get_mask']!(0) >>> 0, get['get_flag']!(3)]).toEqual([
        -2, 0xffffffff, 1,
      ]);
    }
  });
});

describe('wrong use is refused where it stands', () => {
  const LINES = 'const lines: StaticArray<i32> = [1];\n';
  const cases: [name: string, text: string, marked: string, reason: RegExp][] = [
    [
      'a text that is no address',
      'let label: i32 = 0; module_param(label, "charp", 0, "x");',
      'label, ',
      /type "charp" must be usize, not i32: label/,
    ],
    [
      'a managed text',
      'let label: string = "none"; module_param(label, "charp", 0, "x");',
      'label, ',
      /must be usize, not ~lib\/string\/String: label/,
    ],
    [
      'a text that is computed',
      'function f(): usize { return load<usize>(8); } let label: usize = f(); module_param(label, "charp", 0, "x");',
      'label, ',
      /initial value must be a constant: label/,
    ],
    [
      'permissions for everybody to write',
      'let size: u32 = 1; module_param(size, "uint", 0o666, "x");',
      '0o666',
      /let everybody write: 0o666/,
    ],
    [
      'an array by module_param',
      `${LINES}module_param(lines, "int", 0, "x");`,
      'lines, ',
      /names a constant: lines/,
    ],
    [
      'a number by module_param_array',
      'const size: u32 = 1; module_param_array(size, "uint", 0, "x");',
      'size, ',
      /must be StaticArray<u32> or StaticArray<usize>, not u32: size/,
    ],
    [
      'an array that may be replaced',
      'let lines: StaticArray<i32> = [1]; module_param_array(lines, "int", 0, "x");',
      'lines, ',
      /must be a const: lines/,
    ],
    [
      'an array of other elements',
      `${LINES}module_param_array(lines, "uint", 0, "x");`,
      'lines, ',
      /must be StaticArray<u32> or StaticArray<usize>, not StaticArray<i32>: lines/,
    ],
    [
      'an array that grows',
      'const lines: Array<i32> = [1]; module_param_array(lines, "int", 0, "x");',
      'lines, ',
      /not ~lib\/array\/Array<i32>: lines/,
    ],
    [
      'an array that is made at run time',
      'const lines = new StaticArray<i32>(4); module_param_array(lines, "int", 0, "x");',
      'lines, ',
      /initial values must be constants: lines/,
    ],
    [
      'an array of computed values',
      'const lines: StaticArray<i32> = [load<i32>(8)]; module_param_array(lines, "int", 0, "x");',
      'lines, ',
      /initial values must be constants: lines/,
    ],
    [
      'an array without values',
      'const lines: StaticArray<i32> = []; module_param_array(lines, "int", 0, "x");',
      'lines, ',
      /has 1 to 65535 values, not 0: lines/,
    ],
    [
      'an array of an unknown type',
      `${LINES}module_param_array(lines, "byte", 0, "x");`,
      '"byte"',
      /module_param_array\(\) knows the types bool, int, uint and charp, not "byte"/,
    ],
    [
      'an array that does not exist',
      'module_param_array(lines, "int", 0, "x");',
      'lines',
      /module_param_array\(\) names no variable of this file: lines/,
    ],
    [
      'an array without a description',
      `${LINES}module_param_array(lines, "int", 0);`,
      'module_param_array(',
      /takes 4 arguments, not 3/,
    ],
    [
      'an array in a function',
      `${LINES}export function f(): void { module_param_array(lines, "int", 0, "x"); }`,
      'module_param_array(',
      /top level/,
    ],
    [
      'a number and an array of one name',
      `${LINES}module_param_array(lines, "int", 0, "x"); module_param_array(lines, "int", 0, "y");`,
      'module_param_array(',
      /names a variable twice: lines/,
    ],
    [
      'persistent data that is no parameter',
      'let total: i32 = 1; MODULE_PERSIST(total);',
      'total);',
      /MODULE_PERSIST\(\) names no parameter: total/,
    ],
    [
      'persistent data twice',
      'let total: i32 = 1; module_param(total, "int", 0, "x"); MODULE_PERSIST(total); MODULE_PERSIST(total);',
      'MODULE_PERSIST(',
      /names a parameter twice: total/,
    ],
    ['persistent data by an expression', 'MODULE_PERSIST(1);', '1);', /must be a name/],
    ['persistent data of nothing', 'MODULE_PERSIST();', 'MODULE_PERSIST(', /takes 1 argument, not 0/],
    [
      'persistent data in a function',
      'export function f(): void { MODULE_PERSIST(f); }',
      'MODULE_PERSIST(',
      /top level/,
    ],
  ];
  test.each(cases)('%s', async (_name, text, marked, reason) => {
    await expectRefusal(HEADER + text, marked, reason);
  });
});
