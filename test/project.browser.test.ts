// What every test in the browser stands on: a cross-origin isolated page and worker, and the built images beside it.

import { expect, test } from 'vitest';

test('the page is cross-origin isolated', () => {
  expect(crossOriginIsolated).toBe(true);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('a worker of the page is cross-origin isolated', async () => {
  const code = URL.createObjectURL(
    new Blob(['postMessage(crossOriginIsolated)'], { type: 'text/javascript' }),
  );
  const worker = new Worker(code);
  const isolated = await new Promise((resolve) => {
    worker.onmessage = (event) => resolve(event.data);
  });
  worker.terminate();
  expect(isolated).toBe(true);
});

test.each(['kernel.wasm', 'domain.wasm', 'user.wasm', 'ramdisk.ko.wasm', 'lkdtm.ko.wasm'])(
  '%s is served as WebAssembly with its source map',
  async (name) => {
    const response = await fetch(`/images/${name}`);
    expect(response.headers.get('content-type')).toBe('application/wasm');
    await WebAssembly.compileStreaming(response);
    const map: unknown = await (await fetch(`/images/${name}.map`)).json();
    expect(map).toMatchObject({ version: 3 });
  },
);
