// Pages, areas and caches in the real image: what each function promises, each misuse, and what a module forgets.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Domain } from '../../host/domain/domain.ts';
import type { DomainExports } from '../../host/domain/image.ts';
import { domainImports, type KernelGate } from '../../host/domain/imports.ts';
import { insmod, rmmod } from '../../host/domain/loader.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { checkMemory } from '../../host/machine/inspect/check.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import { slubDebugFlags } from '../../host/machine/inspect/slub-debug.ts';
import { __GFP_NOWARN, __GFP_ZERO, GFP_ATOMIC, GFP_KERNEL } from '../../kernel/abi/gfp.ts';
import { KMALLOC_MAX, MAX_ORDER, SLUB_ALL, SLUB_OFF } from '../../kernel/abi/heap.ts';
import { DOMAIN_MEMORY, PAGE_SIZE, WASM_PAGE } from '../../kernel/abi/map.ts';
import { CALL_REGISTER_CHRDEV, O_RDONLY, SYS_CLOSE } from '../../kernel/abi/operation.ts';
import { loadFixture } from '../support/fixtures.ts';
import { cachesOf, freeBlocks, heapOf, shrinkAll, type Heap } from '../support/heap.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const MIB = 1 << 20;

let image: LoadedModule;
let hoarder: LoadedModule;
let kernel: TestKernel;
let heap: Heap;
beforeAll(async () => {
  image = await loadImage('kernel.wasm');
  hoarder = await loadFixture('hoarder');
});

function boot(slubDebug = 0): void {
  kernel = new TestKernel(image, undefined, slubDebug);
  heap = heapOf(kernel);
  // Structs of areas and caches have a slab now, and shrinking does not find it empty.
  heap.vmalloc(1);
  heap.kmem_cache_create(kernel.domain.text('first'), 8, 0, 0, 0);
  shrinkAll(kernel);
}
beforeEach(() => boot());

const held = (): object => ({ ...readAccounting(kernel.memory), blocks: freeBlocks(kernel) });
const bugs = (): string[] =>
  kernel.log().flatMap((line) => /^BUG (.*?) \([^)]*\): (.*)$/.exec(line)?.slice(1).join(': ') ?? []);
const cat = (path: string): string => {
  const fd = kernel.open(path, O_RDONLY);
  expect(fd).toBeGreaterThanOrEqual(0);
  const text = new TextDecoder().decode(kernel.read(fd, 65536).data);
  expect(kernel.call(SYS_CLOSE, fd)).toBe(0);
  return text;
};

describe('pages', () => {
  test.each(Array.from({ length: MAX_ORDER + 1 }, (_, order) => [order]))('of order %i', (order) => {
    const before = held();
    const address = heap.__get_free_pages(GFP_KERNEL, order);
    expect(address).not.toBe(0);
    expect(address % (PAGE_SIZE << order)).toBe(0);
    expect(kernel.check()).toEqual([]);
    kernel.domain.bytes.fill(0xff, address, address + (PAGE_SIZE << order));
    heap.free_pages(address, order);
    expect(held()).toEqual(before);
    const cleared = heap.__get_free_pages(GFP_ATOMIC | __GFP_ZERO, order);
    expect(
      kernel.domain.bytes.subarray(cleared, cleared + (PAGE_SIZE << order)).every((byte) => byte === 0),
    ).toBe(true);
    heap.free_pages(cleared, order);
    expect(kernel.check()).toEqual([]);
  });

  test('all of them, one by one, are as many as are free, and join again', () => {
    const before = held();
    const free = readAccounting(kernel.memory).pagesFree;
    const pages: number[] = [];
    for (
      let page = heap.get_zeroed_page(GFP_KERNEL | __GFP_NOWARN);
      page !== 0;
      page = heap.get_zeroed_page(GFP_KERNEL | __GFP_NOWARN)
    )
      pages.push(page);
    expect(new Set(pages).size).toBe(free);
    // Every other one first: nothing can join until the rest comes.
    for (const odd of [1, 0])
      for (const [i, page] of pages.entries()) if (i % 2 === odd) heap.free_pages(page, 0);
    expect(held()).toEqual(before);
    expect(kernel.check()).toEqual([]);
  });

  test('an order that there is not, a wrong order and a wrong address change nothing', () => {
    const address = heap.__get_free_pages(GFP_KERNEL, 2);
    const before = held();
    expect(heap.__get_free_pages(GFP_KERNEL, MAX_ORDER + 1)).toBe(0);
    heap.free_pages(0, 3);
    for (const [wrong, order] of [
      [address, 1],
      [address, 11],
      [address + PAGE_SIZE, 2],
      [address + 8, 2],
      [8, 0],
    ] as const)
      heap.free_pages(wrong, order);
    expect(held()).toEqual(before);
    expect(bugs()).toHaveLength(5);
    expect(bugs()[0]).toBe(`free_pages: Bad page state at 0x${address.toString(16).padStart(8, '0')}`);
    heap.free_pages(address, 2);
    heap.free_pages(address, 2);
    expect(bugs()).toHaveLength(6);
  });
});

describe('vmalloc', () => {
  test.each([1, 4096, 4097, 5 * MIB, 12 * MIB])(
    '%i bytes, cleared or not, to the last one and back',
    (size) => {
      const before = held();
      const address = heap.vmalloc(size);
      expect(address).toBeGreaterThan(0);
      expect(address % PAGE_SIZE).toBe(0);
      kernel.domain.bytes.fill(0xff, address, address + size);
      expect(kernel.check()).toEqual([]);
      heap.vfree(address);
      expect(held()).toEqual(before);
      const cleared = heap.vzalloc(size);
      expect(kernel.domain.bytes.subarray(cleared, cleared + size).every((byte) => byte === 0)).toBe(true);
      heap.vfree(cleared);
      expect(held()).toEqual(before);
    },
  );

  test('kvmalloc is kmalloc while that can be had, vmalloc beyond', () => {
    const before = held();
    const small = heap.kvmalloc(100, GFP_KERNEL);
    const large = heap.kvmalloc(KMALLOC_MAX + 1, GFP_KERNEL);
    expect(cat('/proc/vmallocinfo')).toContain(`0x${large.toString(16).padStart(8, '0')}-`);
    heap.kvfree(small);
    heap.kvfree(large);
    heap.kvfree(0);
    shrinkAll(kernel);
    expect(held()).toEqual(before);
    expect(bugs()).toEqual([]);
  });

  test('nothing, too much, twice, and what is none', () => {
    const before = held();
    for (const size of [0, -1, 100 * MIB]) expect(heap.vmalloc(size)).toBe(0);
    const address = heap.vmalloc(10_000);
    for (const wrong of [address + 8, address + PAGE_SIZE, 12]) heap.vfree(wrong);
    heap.kfree(address);
    heap.vfree(address);
    heap.vfree(address);
    heap.vfree(0);
    expect(bugs().map((bug) => bug.replace(/ 0x.*/, ''))).toEqual([
      ...Array.from({ length: 3 }, () => 'vfree: Trying to vfree() nonexistent vm area'),
      'kfree: Invalid object pointer',
      'vfree: Trying to vfree() nonexistent vm area',
    ]);
    expect(held()).toEqual(before);
    expect(kernel.check()).toEqual([]);
  });
});

describe.each([
  ['with debugging', 0],
  ['without debugging', SLUB_OFF],
])('caches, %s', (_, slubDebug) => {
  beforeEach(() => boot(slubDebug));
  const create = (size: number, align = 0, flags = 0, ctor = 0): number =>
    heap.kmem_cache_create(kernel.domain.text('mine'), size, align, flags, ctor);

  test.each([
    [1, 0],
    [20, 64],
    [700, 0],
    [5000, 1024],
    [16384, 0],
  ])('objects of %i bytes aligned to %i', (size, align) => {
    const before = held();
    const cache = create(size, align);
    expect(heap.kmem_cache_size(cache)).toBe(size);
    expect([...cachesOf(kernel).keys()][0]).toBe('mine');
    const objects = Array.from({ length: 50 }, () => heap.kmem_cache_alloc(cache, GFP_KERNEL));
    expect(new Set(objects).size).toBe(50);
    for (const object of objects) {
      if (align > 0) expect(object % align).toBe(0);
      kernel.domain.bytes.fill(0xff, object, object + size);
    }
    expect(kernel.check()).toEqual([]);
    for (const object of objects) heap.kmem_cache_free(cache, object);
    const cleared = heap.kmem_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO);
    expect(kernel.domain.bytes.subarray(cleared, cleared + size).every((byte) => byte === 0)).toBe(true);
    heap.kmem_cache_free(cache, cleared);
    expect(heap.kmem_cache_shrink(cache)).toBe(0);
    heap.kmem_cache_destroy(cache);
    expect(cachesOf(kernel).has('mine')).toBe(false);
    expect(held()).toEqual(before);
    expect(bugs()).toEqual([]);
  });

  test.each([
    [0, 0],
    [16385, 0],
    [10, 3],
    [10, 2048],
  ])('%i bytes aligned to %i are refused', (size, align) => {
    const before = held();
    expect(create(size, align)).toBe(0);
    expect(held()).toEqual(before);
    expect(kernel.log()).toContain('kmem_cache_create(mine) failed with error -22');
  });

  test('a cache with objects stays; an object goes back to its own', () => {
    const [cache, other] = [create(40), heap.kmem_cache_create(kernel.domain.text('other'), 40, 0, 0, 0)];
    const object = heap.kmem_cache_alloc(cache, GFP_KERNEL);
    heap.kmem_cache_free(other, object);
    expect(kernel.log()).toContain('cache_from_obj: Wrong slab cache. other but object is from mine');
    heap.kmem_cache_destroy(cache);
    expect(kernel.log()).toContain('kmem_cache_destroy mine: Slab cache still has objects when called');
    heap.kmem_cache_destroy(12);
    expect(bugs().at(-1)).toBe('kmem_cache_destroy: Invalid cache 0x0000000c');
    expect(kernel.check()).toEqual([]);
    heap.kmem_cache_free(cache, object);
    heap.kmem_cache_destroy(cache);
    heap.kmem_cache_destroy(other);
    heap.kmem_cache_destroy(0);
    expect(kernel.check()).toEqual([]);
  });
});

test('a module’s memory is told and taken when it goes; a tidy one leaves nothing to tell', () => {
  const before = held();
  insmod(kernel.domain, hoarder, { parameters: 'tidy=1', flags: 0 });
  expect(kernel.check()).toEqual([]);
  expect(kernel.log().filter((line) => line.includes('forgot'))).toEqual([]);
  expect(rmmod(kernel.domain, 'hoarder')).toMatchObject({ leakedBytes: 0, leakedObjects: 0 });
  shrinkAll(kernel);
  expect(held()).toEqual(before);

  const start = kernel.log().length;
  insmod(kernel.domain, hoarder, { parameters: '', flags: 0 });
  expect(cat('/proc/vmallocinfo')).toMatch(/^0x\w{8}-0x\w{8} +8192 hoarder pages=2 vmalloc$/m);
  const { leakedObjects, leakedBytes } = rmmod(kernel.domain, 'hoarder');
  expect({ leakedObjects, leakedBytes }).toEqual({
    leakedObjects: 7,
    leakedBytes: 100 + 50_000 + 4 * PAGE_SIZE + 5000 + 5_000_000 + 96 + 40,
  });
  const lines = kernel.log(start).filter((line) => line.startsWith('hoarder: forgot'));
  expect(lines.map((line) => line.replace(/ at 0x\w{8}/, '')).sort()).toEqual([
    'hoarder: forgot cache hoard',
    'hoarder: forgot hoard, 40 bytes',
    'hoarder: forgot kmalloc-128, 100 bytes',
    'hoarder: forgot kmalloc-large, 50000 bytes',
    'hoarder: forgot pages, 16384 bytes',
    'hoarder: forgot vmalloc area, 5000 bytes',
    'hoarder: forgot vmalloc area, 5000000 bytes',
  ]);
  expect(cachesOf(kernel).has('hoard')).toBe(false);
  expect(kernel.check()).toEqual([]);
});

test('/proc tells of it in Linux’s formats', () => {
  const pointer = heap.kmalloc(100, GFP_KERNEL);
  const meminfo = new Map(
    cat('/proc/meminfo')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, name, kib] = /^(\w+): +(\d+) kB$/.exec(line)!;
        expect(line).toHaveLength(27);
        return [name, Number(kib)] as const;
      }),
  );
  expect(meminfo.get('MemAvailable')).toBeLessThan(meminfo.get('MemTotal')!);
  expect(meminfo.get('MemAvailable')! - meminfo.get('MemFree')!).toBe(meminfo.get('SReclaimable'));
  expect(meminfo.get('SReclaimable')! + meminfo.get('SUnreclaim')!).toBe(meminfo.get('Slab'));
  expect(cat('/proc/buddyinfo')).toMatch(/^Node 0, zone {3}Normal ( +\d+ ){11}\n$/);
  const slabinfo = cat('/proc/slabinfo').trimEnd().split('\n');
  expect(slabinfo[0]).toBe('slabinfo - version: 2.1');
  expect(slabinfo[1]).toMatch(
    /^# name {12}<active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables/,
  );
  for (const line of slabinfo.slice(2))
    expect(line).toMatch(
      /^[\w-]+ +\d+ +\d+ +\d+ +\d+ +\d+ : tunables {4}0 {4}0 {4}0 : slabdata +\d+ +\d+ {6}0$/,
    );
  expect(slabinfo.map((line) => line.split(' ')[0])).toContain('kmalloc-4k');
  const used = (): number => Number(/^kmalloc-128 +(\d+)/m.exec(cat('/proc/slabinfo'))![1]);
  const before = used();
  heap.kmalloc(128, GFP_KERNEL);
  expect(used()).toBe(before + 1);
  heap.kfree(pointer);
});

test('slub_debug at boot', () => {
  expect(slubDebugFlags()).toBe(SLUB_ALL);
  expect(slubDebugFlags('-')).toBe(SLUB_OFF);
  expect(slubDebugFlags('fzpu')).toBe(SLUB_ALL);
  expect(slubDebugFlags('Z')).toBe(2);
  expect(() => slubDebugFlags('FX')).toThrow('slub_debug knows F, Z, P and U, not X');
});

test('a driver’s domain has room for an image as large as ever', async () => {
  const pages = DOMAIN_MEMORY / WASM_PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const gate: KernelGate = {
    call: (operation) => (operation === CALL_REGISTER_CHRDEV ? 250 : 0),
    copyOut: () => 1,
    copyIn: () => 1,
    callFor: () => 0,
    copyPrevious: () => 1,
  };
  const domain = new Domain<DomainExports>(
    await loadImage('domain.wasm'),
    memory,
    domainImports(
      gate,
      () => {},
      () => {},
    ),
  );
  domain.exports.boot(domain.slots, DOMAIN_MEMORY, 2000, 0);
  domain.publish();
  const before = readAccounting(memory);
  const ramdisk = await loadImage('ramdisk.ko.wasm');
  // What one run of pages could hold before there were slabs: 2922 pages and their zones.
  insmod(domain, ramdisk, { parameters: 'size=11968492', flags: 0 });
  expect(checkMemory(memory, domain.statics, false)).toEqual([]);
  rmmod(domain, 'ramdisk');
  expect(readAccounting(memory)).toEqual(before);
  expect(checkMemory(memory, domain.statics, false)).toEqual([]);
});
