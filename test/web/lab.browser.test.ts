// What the page fetches: images, drivers, the disk; and what it says where it does not get them.

import { afterEach, expect, test, vi } from 'vitest';
import { sha256 } from '../../host/linker/module/sha256.ts';
import { DRIVERS } from '../../host/lab/load.ts';
import { browserLab, floppy } from '../../host/web/lab.ts';
import { VERSION } from '../../kernel/abi/version.ts';

afterEach(() => vi.restoreAllMocks());

test('the lab has the drivers in their order, with their maps', async () => {
  const lab = await browserLab('/');
  expect(lab.drivers.map(({ name }) => name)).toEqual(DRIVERS);
  for (const { bytes, sha256: hash, map } of lab.drivers) {
    expect(sha256(bytes)).toBe(hash);
    expect(map).toContain('"mappings"');
  }
  expect(lab.environment.version).toBe(VERSION);
  await lab.close();
});

test('the disk image is a floppy', async () => {
  const image = await floppy('/');
  expect(image.length).toBe(1440 * 1024);
  expect([...image.subarray(510, 512)]).toEqual([0x55, 0xaa]);
});

test('a file that is not there is named', async () => {
  vi.spyOn(globalThis, 'fetch').mockImplementation(
    async () => new Response('', { status: 404, statusText: 'Not Found' }),
  );
  await expect(browserLab('/')).rejects.toThrow(
    /^cannot be loaded \(404 Not Found\): http.*\/images\/\w+(\.ko)?\.wasm/,
  );
});
