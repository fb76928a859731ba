// The integrity check: each kind of damage, planted by hand in a kernel that has modules, devices and open files, is found
// and named; and whatever lies in memory, the check comes to an end.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { insmod } from '../../host/domain/loader.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { readDevices, readModules } from '../../host/machine/inspect/lists.ts';
import { DEV_MAJOR, DEV_MODULE, DEV_CHECKSUM, FILE_CLIENT, FILE_DEVICE } from '../../kernel/abi/file.ts';
import {
  AREA_COUNT,
  AREA_SIZE,
  CACHE_OBJECT,
  CACHE_PARTIAL,
  CACHE_SLABS,
  MAX_ORDER,
  PAGE_BUDDY,
  PAGE_LARGE,
  PAGE_SLAB,
  PAGE_TAIL,
  PG_NEXT,
  PG_PREVIOUS,
  PG_SIZE,
  PG_USED,
  VM_ADDRESS,
  VM_NEXT,
} from '../../kernel/abi/heap.ts';
import { FNV_OFFSET, FNV_PRIME } from '../../kernel/abi/log.ts';
import {
  M_BYTES_USED,
  M_DEVICES,
  M_FREE_AREAS,
  M_FILES,
  M_MAGIC,
  M_MODULE_COUNT,
  M_MODULES,
  M_PAGE_MAP,
  M_PAGES_FREE,
  M_SLABS,
  M_SYMBOL_COUNT,
  M_SYMBOLS,
  M_VM_AREAS,
} from '../../kernel/abi/machine.ts';
import {
  IMAGE_BASE,
  LOG_BASE,
  MACHINE_BASE,
  MODULES_BASE,
  POOL_BASE,
  USER_BASE,
} from '../../kernel/abi/map.ts';
import {
  MOD_BASE,
  MOD_NAME,
  MOD_NEXT,
  MOD_REFERENCES,
  MOD_SIZE,
  SYM_HASH,
  SYM_NAME,
} from '../../kernel/abi/module.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';
import { rounds } from '../long.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

let image: LoadedModule;
let drivers: LoadedModule[];
let kernel: TestKernel;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
  drivers = await Promise.all(
    ['null', 'zero', 'ramdisk', 'lkdtm'].map((name) => loadImage(`${name}.ko.wasm`)),
  );
});
beforeEach(() => {
  kernel = new TestKernel(image);
  for (const driver of drivers) {
    const parameters = driver.name === 'ramdisk' ? 'size=65536' : '';
    insmod(kernel.domain, driver, { parameters, flags: 0 });
  }
  expect(kernel.open('/dev/ramdisk', O_RDWR)).toBe(0);
  expect(kernel.check()).toEqual([]);
});

const get = (address: number): number => kernel.words[address >> 2]!;
const set = (address: number, value: number): void => void (kernel.words[address >> 2] = value);
const root = (offset: number): number => get(MACHINE_BASE + offset);
const module = (): number => root(M_MODULES);
const device = (): number => readDevices(kernel.memory)[1]!.address;

/** The second place of the symbol table. */
function symbol(): { place: number; entry: number } {
  const place = root(M_SYMBOLS) + 8;
  return { place, entry: get(place + 4) };
}

/** Words of constant text in a file's static data. */
function constantOf(name: string): number {
  const { base, bytes, globals } = kernel.domain.statics.find((data) => data.name === name)!;
  const offset = bytes.findIndex((byte, at) => at >= globals && byte !== 0);
  return base + offset;
}

const PLANTED: [string, () => void, RegExp][] = [
  ['the machine block', () => set(MACHINE_BASE + M_MAGIC, 0), /^machine block overwritten: 0x10000$/],
  ['address 0', () => set(0, 0xdeadbeef), /^write through a null pointer: 0x0$/],
  ['the end of the null area', () => set(0xfffc, 1), /^write through a null pointer: 0xfffc$/],
  [
    'a constant of the kernel',
    () => set(constantOf('kernel') & ~3, 0x55555555),
    /^static data of kernel changed: 0x4/,
  ],
  [
    'a constant of a driver',
    () => set(constantOf('lkdtm') & ~3, 0x55555555),
    /^static data of lkdtm changed: 0x9/,
  ],
  ['a module’s size', () => set(module() + MOD_SIZE, 1), /^struct module changed: lkdtm at 0x/],
  ['a module’s place', () => set(module() + MOD_BASE, MODULES_BASE), /^struct module changed: lkdtm at 0x/],
  ['a module’s name', () => set(module() + MOD_NAME, 0x41414141), /^struct module changed: AAAAm at 0x/],
  ['a module’s references', () => set(module() + MOD_REFERENCES, -1), /^reference count below zero: lkdtm$/],
  [
    'the module list, ended',
    () => set(module() + MOD_NEXT, 0),
    /^module list broken: 1 of 4 modules reached$/,
  ],
  ['the module list, in a circle', () => set(module() + MOD_NEXT, module()), /^module list broken: 1 of 4/],
  [
    'the module list, out of memory',
    () => set(module() + MOD_NEXT, 0x7ffffff0),
    /^module list broken: 1 of 4/,
  ],
  ['the count of modules', () => set(MACHINE_BASE + M_MODULE_COUNT, 9), /^module list broken: 4 of 9/],
  ['a device’s major', () => set(device() + DEV_MAJOR, 17), /^device entry changed: zero at 0x/],
  ['a device’s module, resealed', plantForeignDevice, /^device without a module: zero$/],
  ['a symbol’s name', () => set(symbol().entry + SYM_NAME, 0x42424242), /^symbol entry changed: 0x/],
  ['a symbol’s hash', () => set(symbol().entry + SYM_HASH, 3), /^symbol entry changed: 0x/],
  ['a symbol’s place', () => set(symbol().place, 0), /^symbol table out of order: place \d+/],
  ['a symbol’s entry', () => set(symbol().place + 4, 0x100), /^symbol entry changed: 0x100$/],
  ['the number of symbols', () => set(MACHINE_BASE + M_SYMBOL_COUNT, 99999), /^symbol table broken: 99999/],
  ['an open file’s device', () => set(root(M_FILES) + FILE_DEVICE, 0x44444444), /^open file changed: 0x/],
  ['an open file’s client', () => set(root(M_FILES) + FILE_CLIENT, 99), /^open file changed: 0x/],
  ['a free page', () => set(freePage(), PAGE_LARGE), /^page map changed: 0x/],
  ['a free block’s order', () => set(firstOf(PAGE_BUDDY), PAGE_BUDDY | (9 << 8)), /^page map changed: 0x/],
  [
    'a free block’s list',
    () => set(firstOf(PAGE_BUDDY) + PG_NEXT, POOL_BASE),
    /^free list broken: order \d+/,
  ],
  ['a free list’s count', () => set(area(MAX_ORDER) + AREA_COUNT, 77), /^free list broken: order 10, /],
  ['a free block in two', split, /^free blocks not joined: 0x[0-9a-f]+, order \d+$/],
  ['a slab’s count', () => set(firstOf(PAGE_SLAB) + PG_USED, 0), /^slab chain broken: /],
  ['a cache’s size', () => set(root(M_SLABS) + CACHE_OBJECT, 5), /^slab cache changed: 0x/],
  ['a cache’s count', () => set(usedCache() + CACHE_SLABS, 5), /^slabs miscounted: kmalloc-\w+, 5 for \d+$/],
  ['a cache’s list', () => set(usedCache() + CACHE_PARTIAL, 0), /^slab list broken: kmalloc-\w+, 0 of 1/],
  ['an area’s place', () => set(root(M_VM_AREAS) + VM_ADDRESS, 0x91000), /^list of areas broken: 0x/],
  ['the list of areas, in a circle', areasInCircle, /^list of areas broken: 0x/],
  ['the list of areas, ended', () => set(root(M_VM_AREAS) + VM_NEXT, 0), /^list of areas broken: 0 of 1/],
  ['a tail without a head', () => set(freePage(), PAGE_TAIL), /^page map changed: 0x/],
  ['a kind of page that there is not', () => set(freePage(), 0x77), /^page map changed: 0x/],
  [
    'the count of free pages',
    () => set(MACHINE_BASE + M_PAGES_FREE, 1),
    /^free pages miscounted: 1 for \d+$/,
  ],
  ['the count of bytes', () => set(MACHINE_BASE + M_BYTES_USED, 5), /^memory miscounted: 5 bytes for \d+$/],
  ['a record of the log', () => set(LOG_BASE + 24, 0), /^log records damaged: 1$/],
];

const area = (order: number): number => root(M_FREE_AREAS) + order * AREA_SIZE;

/** struct page of a page in the middle of a free block. */
function freePage(): number {
  const map = root(M_PAGE_MAP);
  for (let page = 4000; ; page++) if (get(map + page * PG_SIZE) === 0) return map + page * PG_SIZE;
}

/** struct page of the first page of that kind. */
function firstOf(kind: number): number {
  for (let page = root(M_PAGE_MAP); ; page += PG_SIZE) if ((get(page) & 0xff) === kind) return page;
}

/** A cache with a slab that has free objects. */
function usedCache(): number {
  let cache = root(M_SLABS);
  while (get(cache + CACHE_PARTIAL) === 0) cache = get(cache);
  return cache;
}

/** Cuts a free block in two that are as they should be, but for being neighbours. */
function split(): void {
  const order = Array.from({ length: MAX_ORDER }, (_, at) => at + 1).find((at) => get(area(at)) !== 0)!;
  const page = get(area(order));
  const next = get(page + PG_NEXT);
  set(area(order), next);
  if (next !== 0) set(next + PG_PREVIOUS, area(order));
  set(area(order) + AREA_COUNT, get(area(order) + AREA_COUNT) - 1);
  for (const half of [page + PG_SIZE * 2 ** (order - 1), page]) {
    set(half, PAGE_BUDDY | ((order - 1) << 8));
    const first = get(area(order - 1));
    set(half + PG_NEXT, first);
    set(half + PG_PREVIOUS, area(order - 1));
    if (first !== 0) set(first + PG_PREVIOUS, half + PG_NEXT);
    set(area(order - 1), half);
    set(area(order - 1) + AREA_COUNT, get(area(order - 1) + AREA_COUNT) + 1);
  }
}

function areasInCircle(): void {
  const first = root(M_VM_AREAS);
  set(get(first + VM_NEXT) + VM_NEXT, first);
}

/** A device of a module that is not on the list, with the right checksum: only the list tells. */
function plantForeignDevice(): void {
  const at = device();
  set(at + DEV_MODULE, POOL_BASE);
  let hash = FNV_OFFSET;
  for (let i = 0; i < DEV_CHECKSUM; i++) hash = Math.imul(hash ^ kernel.domain.bytes[at + i]!, FNV_PRIME);
  set(at + DEV_CHECKSUM, hash);
}

test.each(PLANTED)('%s', (_, plant, sentence) => {
  plant();
  const found = kernel.check();
  expect(found.some((each) => sentence.test(each)) ? [] : found).toEqual([]);
  expect(found.length).toBeGreaterThan(0);
});

test('what has no second opinion is not seen: a byte of the disk, a mutable global', () => {
  const disk = readModules(kernel.memory).find(({ name }) => name === 'ramdisk')!;
  expect(disk.bytes).toBe(65536);
  kernel.domain.bytes[disk.base] = 1; // the parameter `size` lies there
  expect(kernel.check()).toEqual([]);
});

describe('comes to an end and says something', () => {
  const TOUCHED: [string, number, number][] = [
    ['the machine block', MACHINE_BASE + 8, MACHINE_BASE + 4096],
    ['the kernel’s data', IMAGE_BASE, IMAGE_BASE + 0x8000],
    ['the page map', POOL_BASE, POOL_BASE + 0x2f000],
    ['the heap', POOL_BASE + 0x2f000, POOL_BASE + 0x50000],
    ['all memory', 0, USER_BASE],
  ];
  const ROUNDS = rounds(15, 300);
  test.each(TOUCHED)(`whatever is written over %s, ${ROUNDS} times (seeded)`, (_, from, to) => {
    let state = 99;
    const next = (limit: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 3) % limit;
    };
    const pristine = kernel.domain.bytes.slice(from, to);
    const interesting = (): number =>
      [next(0x7fffffff), 0, -1, from + next(to - from), root(M_DEVICES), 0x6b6b6b6b][next(6)]!;
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < 200; i++) set(from + next((to - from) >> 2) * 4, interesting());
      expect(Array.isArray(kernel.check())).toBe(true);
      kernel.log();
      kernel.domain.bytes.set(pristine, from);
    }
    expect(kernel.check()).toEqual([]);
  });
});
