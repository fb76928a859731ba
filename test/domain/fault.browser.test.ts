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
