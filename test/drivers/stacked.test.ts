// The modules base and stacked, one on the other in the kernel's domain: what the files say, and what the device does. In
// different domains they are driven by the contract.

import { beforeEach, expect, test } from 'vitest';
import { insmod } from '../../host/domain/loader.ts';
import { readModules } from '../../host/machine/inspect/lists.ts';
import { EINVAL } from '../../kernel/abi/errno.ts';
import { O_RDWR } from '../../kernel/abi/operation.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';
import { expectLine } from '../support/machine.ts';

let kernel: TestKernel;

beforeEach(async () => {
  kernel = await TestKernel.boot();
});

async function load(parameters = ''): Promise<number> {
  for (const [name, given] of [
    ['base', ''],
    ['stacked', parameters],
  ] as const)
    insmod(kernel.domain, await loadImage(`${name}.ko.wasm`), { parameters: given, flags: 0 });
  return kernel.open('/dev/stacked', O_RDWR);
}

test('the files say what they offer and want', async () => {
  const [base, stacked] = [(await loadImage('base.ko.wasm')).file, (await loadImage('stacked.ko.wasm')).file];
  expect(base.symbols.map(({ name, gplOnly, kinds }) => [name, gplOnly, kinds])).toEqual([
    ['base_count', false, [0]],
    ['base_reset', true, []],
    ['base_sum', false, [1, 3]],
    ['base_fill', false, [2, 3, 0]],
  ]);
  expect(base.modinfo.get('persist')).toEqual(['loads']);
  expect(base.parameters.map(({ name }) => name)).toEqual(['loads']);
  for (const { name, crc } of base.symbols)
    if (name !== 'base_reset') expect(stacked.versions.get(name)).toBe(crc);
  expect(stacked.modinfo.get('alias')).toEqual(['devname:stacked']);
  expect(stacked.parameters.map(({ name, type, array, count }) => [name, type, array, count])).toEqual([
    ['first', 'int', false, 1],
    ['step', 'uint', false, 1],
    ['quiet', 'bool', false, 1],
    ['label', 'charp', false, 1],
    ['bytes', 'uint', true, 5],
  ]);
});

test.each(['null', 'zero', 'ramdisk', 'lkdtm'])('%s is found by its device', async (name) => {
  const { modinfo } = (await loadImage(`${name}.ko.wasm`)).file;
  expect(modinfo.get('alias')).toEqual([`devname:${name}`]);
  expect(modinfo.get('author')).toEqual(['isolab']);
});

test('a read counts and gives as many bytes, each read another', async () => {
  const fd = await load('first=60 step=9');
  expectLine(kernel.log(), 'stacked: base counts 60');
  const text = (count: number): string => new TextDecoder().decode(kernel.read(fd, count).data);
  expect(text(100)).toBe('s'.repeat(69));
  expect(text(100)).toBe('t'.repeat(78));
  expect(text(3)).toBe('aaa');
  expect(text(0)).toBe('');
  expect(text(200)).toBe('k'.repeat(105));
  expect(text(1)).toBe('s');
});

test('a write is added up', async () => {
  const fd = await load();
  const data = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
  const start = kernel.log().length;
  expect(kernel.write(fd, data)).toBe(1000);
  expect(kernel.log(start)).toEqual([
    `stacked: base sums up to ${data.reduce((sum, byte) => sum + byte, 0)}`,
  ]);
});

test('it is silent when it is told so', async () => {
  const before = kernel.log().length;
  const fd = await load('quiet=y');
  expect(kernel.write(fd, Uint8Array.of(1))).toBe(1);
  expect(kernel.log(before).filter((line) => line.startsWith('stacked:'))).toEqual([]);
});

test('a count that would overflow fails, and the device is not left behind', async () => {
  await expect(load('first=-1')).rejects.toMatchObject({ errno: EINVAL });
  expect(readModules(kernel.memory).map(({ name }) => name)).toEqual(['base']);
  expect(kernel.open('/dev/stacked', O_RDWR)).toBeLessThan(0);
});

test('an array of parameters may change where it lies, the constants around it may not', async () => {
  await load();
  const { base } = readModules(kernel.memory).find(({ name }) => name === 'stacked')!;
  const { parameters } = (await loadImage('stacked.ko.wasm')).file;
  const at = base + parameters.find(({ name }) => name === 'bytes')!.offset;
  const { bytes } = kernel.domain;
  bytes.fill(0x41, at, at + 5 * 4);
  expect(kernel.check()).toEqual([]);
  bytes[at - 4]! ^= 1; // the array's length
  expect(kernel.check()).toEqual([expect.stringMatching(/^static data of stacked changed/)]);
});
