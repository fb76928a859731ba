// The symbol table, who uses whom, and text addresses: thousands of symbols of hundreds of modules that come and go by chance,
// against a simple model.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readAccounting, readModules, readUsers } from '../../host/machine/inspect/lists.ts';
import { EINVAL, ENAMETOOLONG, ENOENT, ENOEXEC, ENOMEM, ENOSPC } from '../../kernel/abi/errno.ts';
import { MAX_MODULE_SYMBOLS, MAX_SYMBOLS } from '../../kernel/abi/limits.ts';
import { FNV_OFFSET, FNV_PRIME } from '../../kernel/abi/log.ts';
import { M_SYMBOLS } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';
import {
  LOAD_INTREE,
  MOD_STATE,
  MOD_TEXT,
  MODULE_LIVE,
  RESOLVE_DATA,
  RESOLVE_WEAK,
  SYMBOL_DATA,
  SYMBOL_GPL_ONLY,
  TEXT_MODULES,
  TEXT_WINDOW,
  TEXT_WINDOWS,
} from '../../kernel/abi/module.ts';
import { VERMAGIC } from '../../kernel/abi/version.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

let image: LoadedModule;
let kernel: TestKernel;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
});

const text = (each: string): number => kernel.domain.text(each);
function module(name: string, license = 'GPL'): number {
  const mod = kernel.exports.module_begin(text(name), text(VERMAGIC), text(license), LOAD_INTREE, 0);
  expect(mod).toBeGreaterThan(0);
  kernel.exports.module_coming(mod);
  kernel.exports.leave_module();
  kernel.words[(mod + MOD_STATE) >> 2] = MODULE_LIVE;
  return mod;
}
const add = (mod: number, name: string, value: number, flags = 0, crc = 0): number =>
  kernel.exports.module_export(mod, text(name), value, flags, crc);
const find = (mod: number, name: string, crc = 0, how = 0): number =>
  kernel.exports.module_resolve(mod, text(name), crc, how);
const describeFile = (mod: number, size: number): number =>
  kernel.exports.module_describe(mod, text(''), text(''), size);
const references = (name: string): number =>
  readModules(kernel.memory).find((each) => each.name === name)!.references;

/** Numbers by chance, the same in every run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function fnv(name: string): number {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/** The names in the order of the table, whose words are checked. */
function sorted(): string[] {
  const symbols = kernel.symbols();
  const table = kernel.view.u32(MACHINE_BASE + M_SYMBOLS);
  const hashes = symbols.map((_, i) => kernel.view.u32(table + 8 * i));
  expect(hashes).toEqual([...hashes].sort((a, b) => a - b));
  expect(hashes).toEqual(symbols.map(({ name }) => fnv(name)));
  for (let i = symbols.length; i < Math.min(symbols.length + 8, MAX_SYMBOLS); i++)
    expect(kernel.view.u32(table + 8 * i + 4)).toBe(0);
  return symbols.map(({ name }) => name);
}

describe('the symbol table', () => {
  test('is sorted whatever comes and goes, and finds every symbol', () => {
    const random = chance(7);
    const user = module('user');
    const own = sorted();
    const owners = new Map<string, { mod: number; symbols: Map<string, number> }>();
    let made = 0;
    for (let step = 0; step < 600; step++) {
      if (owners.size > 0 && random(3) === 0) {
        const name = [...owners.keys()][random(owners.size)]!;
        kernel.exports.module_free(owners.get(name)!.mod);
        owners.delete(name);
        continue;
      }
      const name = `owner${step}`;
      const owner = { mod: module(name), symbols: new Map<string, number>() };
      for (let count = random(40); count > 0; count--) {
        const symbol = `symbol_${random(1e9).toString(36)}_${made++}`;
        expect(add(owner.mod, symbol, made)).toBe(0);
        owner.symbols.set(symbol, made);
      }
      owners.set(name, owner);
    }
    expect(sorted()).toHaveLength(
      own.length + [...owners.values()].reduce((sum, each) => sum + each.symbols.size, 0),
    );
    for (const [name, { mod, symbols }] of owners) {
      for (const [symbol, value] of symbols) {
        expect(find(user, symbol)).toBe(value);
        expect(kernel.exports.resolved_owner()).toBe(mod);
      }
      expect(references(name)).toBe(symbols.size > 0 ? 1 : 0);
    }
    const gone = readAccounting(kernel.memory).symbols;
    for (const { mod } of owners.values()) kernel.exports.module_free(mod);
    expect(gone).toBeGreaterThan(2000);
    expect(sorted()).toEqual(own);
    expect(references('user')).toBe(0);
    expect(kernel.check()).toEqual([]);
  });

  test('holds so many and no more; a load that finds it full leaves it as it was', () => {
    const user = module('user');
    const mods: number[] = [];
    const own = sorted();
    for (let i = own.length; i < MAX_SYMBOLS; i++) {
      if ((i - own.length) % MAX_MODULE_SYMBOLS === 0) mods.push(module(`many${i}`));
      if (add(mods.at(-1), `s${i}`, i) !== 0) throw new Error(`refused: symbol ${i}`);
    }
    expect(readAccounting(kernel.memory).symbols).toBe(MAX_SYMBOLS);
    const late = module('late');
    expect(add(late, 'one_more', 1)).toBe(-ENOSPC);
    expect(sorted()).toHaveLength(MAX_SYMBOLS);
    for (const i of [own.length, MAX_SYMBOLS >> 1, MAX_SYMBOLS - 1]) expect(find(user, `s${i}`)).toBe(i);
    for (const mod of mods) kernel.exports.module_free(mod);
    expect(sorted()).toEqual(own);
    expect(add(late, 'one_more', 1)).toBe(0);
    expect(kernel.check()).toEqual([]);
  });

  test('has each name once, and says who has it', () => {
    const [one, two] = [module('one'), module('two')];
    expect(add(one, 'shared', 1)).toBe(0);
    const before = kernel.symbols();
    const start = kernel.log().length;
    expect(add(two, 'shared', 2)).toBe(-ENOEXEC);
    expect(add(one, 'shared', 3)).toBe(-ENOEXEC);
    expect(add(one, 'printk', 3)).toBe(-ENOEXEC);
    expect(kernel.log(start)).toEqual([
      'two: exports duplicate symbol shared (owned by one)',
      'one: exports duplicate symbol shared (owned by one)',
      'one: exports duplicate symbol printk (owned by kernel)',
    ]);
    expect(kernel.symbols()).toEqual(before);
  });

  test('takes names as long as a name may be', () => {
    const mod = module('one');
    const name = 'n'.repeat(55);
    expect(add(mod, name, 5)).toBe(0);
    expect(add(mod, `${name}n`, 5)).toBe(-ENAMETOOLONG);
    expect(find(module('user'), name)).toBe(5);
    expect(find(module('other'), `${name}n`)).toBe(-ENOENT);
  });

  test('tells names of one hash apart', () => {
    const names = ['c2ya8', 'czki6'] as const; // found by trying
    expect(fnv(names[0])).toBe(fnv(names[1]));
    const [one, two, user] = [module('one'), module('two'), module('user')];
    expect(add(one, names[0], 1)).toBe(0);
    expect(find(user, names[1])).toBe(-ENOENT);
    expect(add(two, names[1], 2)).toBe(0);
    expect(names.map((name) => find(user, name))).toEqual([1, 2]);
    expect(sorted().filter((name) => names.some((each) => each === name))).toEqual([...names].sort());
    kernel.exports.module_free(one);
    expect(find(user, names[1])).toBe(2);
    expect(find(user, names[0])).toBe(-ENOENT);
    sorted();
  });

  test('gives what was asked for: functions, data, versions, licences, weak', () => {
    const owner = module('owner');
    add(owner, 'a_function', 11, 0, 0x1234);
    add(owner, 'data', 0x1000, SYMBOL_DATA, 0x77);
    add(owner, 'gpl', 12, SYMBOL_GPL_ONLY);
    const user = module('user');
    const start = kernel.log().length;
    expect(find(user, 'a_function', 0x1234)).toBe(11);
    expect(find(user, 'a_function', 0)).toBe(11);
    expect(find(user, 'a_function', 0x1235)).toBe(-EINVAL);
    expect(find(user, 'data', 0x77, RESOLVE_DATA)).toBe(0x1000);
    expect(find(user, 'data')).toBe(-ENOENT);
    expect(find(user, 'a_function', 0, RESOLVE_DATA)).toBe(-ENOENT);
    expect(find(user, 'gpl')).toBe(12);
    expect(find(user, 'nothing', 0, RESOLVE_WEAK)).toBe(0);
    expect(kernel.log(start)).toEqual([
      'user: disagrees about version of symbol a_function',
      'user: Unknown symbol data (err -2)',
      'user: Unknown symbol a_function (err -2)',
    ]);
    expect(find(module('private', 'Proprietary'), 'gpl')).toBe(-ENOENT);
    expect(references('owner')).toBe(1);
  });
});

describe('uses', () => {
  test('one for each pair, given back by the user or with the owner', () => {
    const random = chance(11);
    const mods = Array.from({ length: 20 }, (_, i) => {
      const mod = module(`m${i}`);
      for (let s = 0; s < 3; s++) add(mod, `m${i}_${s}`, 100 * i + s);
      return mod;
    });
    const model = new Set<string>();
    const held = (owner: number): string[] =>
      [...model].filter((pair) => pair.endsWith(`>${owner}`)).map((pair) => `m${pair.split('>')[0]}`);
    const alive = new Set(mods.keys());
    for (let step = 0; step < 400; step++) {
      const [user, owner] = [random(20), random(20)];
      if (!alive.has(user)) continue;
      if (random(20) === 0) {
        kernel.exports.module_free(mods[user]!);
        alive.delete(user);
        for (const pair of [...model])
          if (pair.startsWith(`${user}>`) || pair.endsWith(`>${user}`)) model.delete(pair);
      } else if (alive.has(owner)) {
        expect(find(mods[user]!, `m${owner}_${random(3)}`)).toBeGreaterThanOrEqual(0);
        if (user !== owner) model.add(`${user}>${owner}`);
      }
      const users = readUsers(kernel.memory);
      for (const { name, references, address } of readModules(kernel.memory)) {
        const expected = held(Number(name.slice(1)));
        expect(references).toBe(expected.length);
        expect((users.get(address) ?? []).sort()).toEqual(expected.sort());
      }
    }
    expect(alive.size).toBeGreaterThan(3);
    for (const i of alive) kernel.exports.module_free(mods[i]!);
    expect(readModules(kernel.memory)).toEqual([]);
    expect(kernel.check()).toEqual([]);
  });
});

describe('text addresses', () => {
  test('are a window of its own for each file, the lowest that fits', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => module(name)) as [number, number, number];
    const at = (mod: number): number => kernel.view.u32(mod + MOD_TEXT);
    expect([describeFile(a, TEXT_WINDOW), describeFile(b, TEXT_WINDOW + 1), describeFile(c, 1)]).toEqual([
      0, 0, 0,
    ]);
    expect([a, b, c].map(at)).toEqual([0, 1, 3].map((window) => TEXT_MODULES + window * TEXT_WINDOW));
    kernel.exports.module_free(b);
    const [d, e] = [module('d'), module('e')];
    describeFile(d, 3 * TEXT_WINDOW);
    describeFile(e, 0);
    expect([d, e].map(at)).toEqual([4, 1].map((window) => TEXT_MODULES + window * TEXT_WINDOW));
  });

  test('come to an end: ENOMEM, and what was there stays', () => {
    const [big, small, late] = [module('big'), module('small'), module('late')];
    expect(describeFile(big, (TEXT_WINDOWS - 1) * TEXT_WINDOW)).toBe(0);
    expect(describeFile(small, 100)).toBe(0);
    expect(kernel.view.u32(small + MOD_TEXT)).toBe(TEXT_MODULES + (TEXT_WINDOWS - 1) * TEXT_WINDOW);
    expect(describeFile(late, 1)).toBe(-ENOMEM);
    kernel.exports.module_free(late);
    kernel.exports.module_free(big);
    const again = module('again');
    expect(describeFile(again, (TEXT_WINDOWS - 1) * TEXT_WINDOW)).toBe(0);
    expect(kernel.check()).toEqual([]);
  });
});
