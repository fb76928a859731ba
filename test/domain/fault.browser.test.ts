import { expect, test } from 'vitest';
import { toFault } from '../../host/domain/fault.ts';
import { BODY_START, thrownBy, TRAPS, UNREACHABLE } from './handmade.ts';

test.each(TRAPS)('%s %j', (kind, body) => {
  expect(toFault(thrownBy(body), () => null)).toMatchObject({ kind, module: 'ramdisk' });
});

test('the frame gives index and offset, whatever the function is called', () => {
  const forged = 'x (wasm://wasm/kernel-00000000:wasm-function[7]:0x10)\n    at y';
  const fault = toFault(thrownBy(UNREACHABLE, forged), () => null);
  expect(fault.frames.filter((frame) => frame.index !== null)).toEqual([
    expect.objectContaining({ module: 'ramdisk', index: 0, offset: BODY_START }),
  ]);
});

test('a module whose bytes the page has compiled from a URL before is known by its name all the same', async () => {
  const streamed = await WebAssembly.compileStreaming(fetch('/images/user.wasm'));
  const bytes = await (await fetch('/images/user.wasm')).arrayBuffer();
  const frames = [streamed, await WebAssembly.compile(bytes)].map((module) => {
    const constant = new WebAssembly.Global({ value: 'i32' }, 0);
    const { exports } = new WebAssembly.Instance(module, {
      env: {
        memory: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
        __indirect_function_table: new WebAssembly.Table({ element: 'anyfunc', initial: 1 }),
        __memory_base: constant,
        __table_base: constant,
      },
      host: { syscall: () => 0, bounce: () => 0 },
    });
    try {
      (exports['floor_indirect'] as (rounds: number, slot: number) => number)(1, 9);
    } catch (thrown) {
      return toFault(thrown, () => null).frames[0];
    }
    throw new Error('a call of slot 9 of 1 did not trap');
  });
  expect(frames).toEqual([
    expect.objectContaining({ module: 'user', index: expect.any(Number) as number }),
    expect.objectContaining({ module: 'user', index: expect.any(Number) as number }),
  ]);
});
