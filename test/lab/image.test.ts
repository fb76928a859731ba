import { expect, test } from 'vitest';
import { contentHash, readImage, writeImage } from '../../host/lab/compare/image.ts';
import { sha256 } from '../../host/linker/module/sha256.ts';
import { FakeMachine, fakeModule } from './fake-machine.ts';

test('SHA-256, also of a view of shared memory', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(16), 4, 3);
  shared.set(new TextEncoder().encode('abc'));
  // FIPS 180-4's example.
  expect(sha256(shared)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

async function machineWith(size: number): Promise<FakeMachine> {
  const machine = new FakeMachine('monolithic', {});
  await machine.insmod(fakeModule('ramdisk'), `size=${size}`);
  return machine;
}

const image = Uint8Array.from({ length: 150_000 }, (_, index) => index & 255);

test('an image goes in and comes out whole', async () => {
  const { console } = await machineWith(151_552);
  expect(await writeImage(console, '/dev/ramdisk', image)).toBeNull();
  expect(await readImage(console, '/dev/ramdisk', image.length)).toEqual(image);
  expect(await contentHash(console, '/dev/ramdisk', image.length)).toBe(sha256(image));
});

test('a device that is too small says so', async () => {
  const { console } = await machineWith(100_000);
  expect(await writeImage(console, '/dev/ramdisk', image)).toBe(
    '/dev/ramdisk took 34464 of 65536 bytes at 65536',
  );
  expect(await contentHash(console, '/dev/ramdisk', image.length)).toBeNull();
});

test('a device that is not there says so', async () => {
  const { console } = await machineWith(4096);
  expect(await writeImage(console, '/dev/none', image)).toBe('/dev/none cannot be opened: -19');
  expect(await readImage(console, '/dev/none', 10)).toBeNull();
});
