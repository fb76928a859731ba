// The callee's end of a call of a driver's function, over a channel and a domain that the test makes.

import { expect, test } from 'vitest';
import type { Domain } from '../../../host/domain/domain.ts';
import type { DomainExports } from '../../../host/domain/image.ts';
import type { Inserted } from '../../../host/domain/loader.ts';
import type { LoadedModule } from '../../../host/domain/loaded.ts';
import type { DriverSide } from '../../../host/ipc/driver-side.ts';
import { Gates } from '../../../host/machine/shared/symbol-calls.ts';
import { GATE_COUNT, GATE_PARAMETERS, GATE_SYMBOL } from '../../../kernel/abi/channel.ts';
import { EINVAL } from '../../../kernel/abi/errno.ts';
import { KIND_IN, KIND_LENGTH } from '../../../kernel/abi/module.ts';

const I32 = 0x7f;
const BUFFER = 64;
const LENGTH = 8;

/** A call of `sum(data: InBuffer, length: Length): i32` whose body is `body`; returns what it has allocated and freed. */
function serving(body: () => number): { serve: () => number; calls: string[]; view: DataView } {
  const kernelBytes = new Uint8Array(1024);
  const view = new DataView(kernelBytes.buffer);
  view.setUint32(BUFFER + GATE_SYMBOL, 0, true);
  view.setUint32(BUFFER + GATE_COUNT, 2, true);
  view.setInt32(BUFFER + GATE_PARAMETERS + 8, LENGTH, true);
  const calls: string[] = [];
  const side = {
    kernelBytes,
    grant: () => ({ address: BUFFER, length: 64 }),
    copyIn: () => 0,
    bracket: (copy: () => void) => (copy(), 0),
  };
  const image = {
    kmalloc: () => (calls.push('kmalloc'), 0x100),
    kfree: () => void calls.push('kfree'),
    enter_module: () => void calls.push('enter'),
    leave_module: () => void calls.push('leave'),
  };
  const gates = new Gates(
    side as unknown as DriverSide,
    { exports: image } as unknown as Domain<DomainExports>,
  );
  const file = {
    symbols: [{ name: 'sum', kinds: [KIND_IN, KIND_LENGTH] }],
    exports: [{ name: 'sum', signature: { parameters: [I32, I32], results: [I32] } }],
  };
  const inserted = { mod: 1, exports: { sum: body } } as unknown as Inserted;
  return { serve: () => gates.serve({ file } as unknown as LoadedModule, inserted), calls, view };
}

test('what was allocated for a call is given back', () => {
  const { serve, calls, view } = serving(() => 42);
  expect(serve()).toBe(0);
  expect(calls).toEqual(['kmalloc', 'enter', 'leave', 'kfree']);
  expect(view.getInt32(BUFFER + 8, true)).toBe(42);
});

test('after a trap nothing in the domain is called again', () => {
  const { serve, calls } = serving(() => {
    throw new WebAssembly.RuntimeError('unreachable');
  });
  expect(serve).toThrow(WebAssembly.RuntimeError);
  expect(calls).toEqual(['kmalloc', 'enter']);
});

test.each([-1, 57, 0x7fffffff])('a forged length of %d is refused before anything is allocated', (length) => {
  const { serve, calls, view } = serving(() => 42);
  view.setInt32(BUFFER + GATE_PARAMETERS + 8, length, true);
  expect(serve()).toBe(-EINVAL);
  expect(calls).toEqual([]);
});
