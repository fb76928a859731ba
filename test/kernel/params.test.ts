// Parameters of modules in the real kernel image: every type set, shown and refused, with the variables in a module's data.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import { E2BIG, EINVAL, ENAMETOOLONG, ENOENT } from '../../kernel/abi/errno.ts';
import {
  LOAD_INTREE,
  MOD_BASE,
  PARAM_ARRAY,
  PARAM_BOOL,
  PARAM_CHARP,
  PARAM_INT,
  PARAM_UINT,
} from '../../kernel/abi/module.ts';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

let image: LoadedModule;
let kernel: TestKernel;
let mod: number;
/** Where the module's data begins. */
let base: number;

/** Offsets of the variables. */
const [FLAG, NUMBER, LIMIT, LABEL, FLAGS, NUMBERS, LABELS, END] = [0, 4, 8, 12, 16, 32, 64, 96];
const GUARD = 0x5e;
/** Parameters that there is room for. */
const ROOM = 10;

const text = (each: string): number => kernel.domain.text(each);
function add(name: string, type: number, offset: number, count = 1): void {
  expect(kernel.exports.module_param_add(mod, text(name), type, 0o644, base + offset, count)).toBe(0);
}
const set = (name: string, value: string | null): number =>
  kernel.exports.module_parameter(mod, text(name), value === null ? 0 : text(value));
function show(name: string): string | null {
  const at = kernel.exports.module_parameter_text(mod, text(name));
  return at > 0 ? kernel.view.text(at, 1024) : null;
}
/** The text that a variable points to. */
const pointed = (offset: number): string => kernel.view.text(kernel.view.u32(base + offset), 256);

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
  mod = kernel.exports.module_begin(text('made'), text(VERMAGIC), text('GPL'), LOAD_INTREE, 0);
  expect(kernel.exports.module_layout(mod, 128, 4, 0, 0)).toBe(0);
  kernel.exports.module_coming(mod);
  kernel.exports.leave_module();
  base = kernel.view.u32(mod + MOD_BASE);
  kernel.domain.bytes.fill(GUARD, base + END, base + 128);
  expect(kernel.exports.module_params(mod, ROOM)).toBe(0);
  add('flag', PARAM_BOOL, FLAG);
  add('number', PARAM_INT, NUMBER);
  add('limit', PARAM_UINT, LIMIT);
  add('label', PARAM_CHARP, LABEL);
  add('flags', PARAM_BOOL | PARAM_ARRAY, FLAGS, 4);
  add('numbers', PARAM_INT | PARAM_ARRAY, NUMBERS, 4);
  add('labels', PARAM_CHARP | PARAM_ARRAY, LABELS, 4);
});

describe('a parameter is set and shown', () => {
  test.each<[string, string | null, string]>([
    ['flag', null, 'Y'],
    ...['1', 'y', 'Y', 't', 'T', 'on', 'On', 'ON', 'yes', 'true'].map((word): [string, string, string] => [
      'flag',
      word,
      'Y',
    ]),
    ...['0', 'n', 'N', 'f', 'F', 'off', 'oF', 'no', 'false'].map((word): [string, string, string] => [
      'flag',
      word,
      'N',
    ]),
    ['number', '0', '0'],
    ['number', '-0', '0'],
    ['number', '+7', '7'],
    ['number', '2147483647', '2147483647'],
    ['number', '-2147483648', '-2147483648'],
    ['number', '0x7fffffff', '2147483647'],
    ['number', '-0X80000000', '-2147483648'],
    ['number', '010', '8'],
    ['limit', '4294967295', '4294967295'],
    ['limit', '0xffffffff', '4294967295'],
    ['limit', '0xAbCdEf', '11259375'],
    ['limit', '037777777777', '4294967295'],
    ['label', '', ''],
    ['label', 'one, two = three', 'one, two = three'],
    ['label', 'žluťoučký', 'žluťoučký'],
    ['flags', 'y,n,1,0', 'Y,N,Y,N'],
    ['flags', 'n', 'N'],
    ['numbers', '1,-2,0x10', '1,-2,16'],
    ['numbers', '5,6,7,8', '5,6,7,8'],
    ['labels', 'a,b,,d', 'a,b,,d'],
    ['labels', '', ''],
    ['num-ber', '1', '1'],
  ])('%s=%s is %s', (name, value, shown) => {
    if (name === 'num-ber') add('num_ber', PARAM_INT, NUMBER);
    expect(set(name, value)).toBe(0);
    expect(show(name)).toBe(shown);
    expect(kernel.log().slice(2)).toEqual([]);
    expect([...kernel.domain.bytes.subarray(base + END, base + 128)]).toEqual(Array(32).fill(GUARD));
  });

  test('its variable has it', () => {
    for (const [name, value] of [
      ['flag', 'y'],
      ['number', '-3'],
      ['label', 'text'],
      ['labels', 'x,yy,z'],
    ] as const)
      expect(set(name, value)).toBe(0);
    expect(kernel.view.u32(base + FLAG)).toBe(1);
    expect(kernel.words[(base + NUMBER) >> 2]).toBe(-3);
    expect(pointed(LABEL)).toBe('text');
    expect([0, 4, 8].map((offset) => pointed(LABELS + offset))).toEqual(['x', 'yy', 'z']);
  });

  test('an array that was never given shows all its values', () => {
    kernel.words.set([4, 3, 2, 1], (base + NUMBERS) >> 2);
    expect(show('numbers')).toBe('4,3,2,1');
    expect(set('numbers', '9')).toBe(0);
    expect(show('numbers')).toBe('9');
    expect(kernel.words[(base + NUMBERS + 4) >> 2]).toBe(3);
  });

  test('a text that is a null pointer is none', () => {
    expect(show('label')).toBe(null);
  });
});

describe('a parameter is refused, and nothing has changed', () => {
  test.each<[string, string | null]>([
    ['flag', ''],
    ['flag', 'maybe'],
    ['flag', 'o'],
    ['flag', 'ox'],
    ['flag', '2'],
    ['flag', '-1'],
    ['number', null],
    ['number', ''],
    ['number', '-'],
    ['number', '+'],
    ['number', '+-1'],
    ['number', '--1'],
    ['number', '0x'],
    ['number', '08'],
    ['number', '1 '],
    ['number', ' 1'],
    ['number', '1,2'],
    ['number', '0x1g'],
    ['number', '0x1@'],
    ['number', '1_000'],
    ['number', '2147483648'],
    ['number', '-2147483649'],
    ['number', '18446744073709551617'],
    ['limit', '-1'],
    ['limit', '4294967296'],
    ['limit', '0x100000000'],
    ['label', null],
    ['flags', 'y,n,y,n,y'],
    ['flags', 'y,,n'],
    ['numbers', '1,2,3,4,5'],
    ['numbers', '1,,2'],
    ['numbers', '1,'],
    ['numbers', ',1'],
    ['numbers', '1,2,x'],
    ['labels', 'a,b,c,d,e'],
  ])('%s=%s', (name, value) => {
    for (const [each, good] of [
      ['flag', 'y'],
      ['number', '11'],
      ['label', 'kept'],
      ['numbers', '7,8,9'],
      ['labels', 'p,q'],
    ] as const)
      expect(set(each, good)).toBe(0);
    const memory = kernel.domain.bytes.slice(base, base + 128);
    const before = [show(name), readAccounting(kernel.memory)];
    expect(set(name, value)).toBe(-EINVAL);
    expect(kernel.domain.bytes.slice(base, base + 128)).toEqual(memory);
    expect([show(name), readAccounting(kernel.memory)]).toEqual(before);
    expect(kernel.log().slice(2)).toEqual([`made: \`${value ?? ''}' invalid for parameter \`${name}'`]);
  });
});

describe('memory of texts', () => {
  test('is given back when another is given, and with the module', () => {
    const before = readAccounting(kernel.memory).bytesUsed;
    set('label', 'first');
    const once = readAccounting(kernel.memory).bytesUsed;
    for (let i = 0; i < 100; i++) set('label', `label ${i}`);
    expect(readAccounting(kernel.memory).bytesUsed).toBe(once + 'label 99'.length - 'first'.length);
    set('labels', 'a,b,c');
    kernel.exports.module_free(mod);
    expect(readAccounting(kernel.memory).bytesUsed).toBeLessThan(before);
    expect(kernel.check()).toEqual([]);
  });

  test('elements that are not given again keep theirs', () => {
    expect(set('labels', 'one,two,three,four')).toBe(0);
    expect(set('labels', 'eins,zwei')).toBe(0);
    for (let i = 0; i < 20; i++) expect(set('label', 'xxxxxxxxxxxxx')).toBe(0); // takes what was freed
    expect(show('labels')).toBe('eins,zwei');
    const all = (): string[] => [0, 4, 8, 12].map((offset) => pointed(LABELS + offset));
    expect(all()).toEqual(['eins', 'zwei', 'three', 'four']);
    expect(set('labels', 'uno')).toBe(0);
    expect(set('label', 'xxxxxxxxxxxxx')).toBe(0);
    expect(all()).toEqual(['uno', 'zwei', 'three', 'four']);
    expect(set('labels', 'a,b,c,d')).toBe(0);
    expect(all()).toEqual(['a', 'b', 'c', 'd']);
    expect(kernel.check()).toEqual([]);
  });

  test('of a value that is longer than a page of /sys is cut when it is shown', () => {
    expect(set('label', 'y'.repeat(3000))).toBe(0);
    expect(show('label')).toBe('y'.repeat(1022));
    expect(pointed(LABEL)).toBe('y'.repeat(256));
  });
});

test('a name that is too long', () => {
  const status = kernel.exports.module_param_add(mod, text('n'.repeat(56)), PARAM_INT, 0o644, base, 1);
  expect(status).toBe(-ENAMETOOLONG);
  expect(kernel.exports.module_param_add(mod, text('n'.repeat(55)), PARAM_INT, 0o644, base, 1)).toBe(0);
});

test('one more than there is room for', () => {
  for (let i = 7; i < ROOM; i++) add(`more${i}`, PARAM_INT, NUMBER);
  const status = kernel.exports.module_param_add(mod, text('late'), PARAM_INT, 0o644, base, 1);
  expect(status).toBe(-E2BIG);
  expect(show('more9')).toBe('0');
  expect(show('late')).toBe(null);
});

test('of two that are one name, `-` and `_` being the same, the first is found', () => {
  add('a_b', PARAM_INT, NUMBER);
  add('a-b', PARAM_UINT, LIMIT);
  expect(set('a-b', '5')).toBe(0);
  expect([show('number'), show('limit')]).toEqual(['5', '0']);
});

test('one that a module does not have is told, and ignored', () => {
  expect(set('speed', '9')).toBe(0);
  expect(kernel.log().slice(2)).toEqual(["made: unknown parameter 'speed' ignored"]);
  expect(kernel.exports.module_parameter_text(mod, text('speed'))).toBe(-ENOENT);
});
