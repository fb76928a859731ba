// Whose turn it is while one module calls another within a domain, and that nobody sees what says so.

import { expect, test } from 'vitest';
import { crossing } from '../../host/domain/crossing.ts';
import { capture, CROSSING, framesOf } from '../../host/domain/stack.ts';
import { M_CALL_MODULE } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';

const [I32, I64] = [0x7f, 0x7e];
const TURN = (MACHINE_BASE + M_CALL_MODULE) >> 2;
const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
const words = new Int32Array(memory.buffer);

test('the owner’s turn while its function runs, the caller’s before and after', () => {
  words[TURN] = 11;
  const seen: unknown[] = [];
  const callee = (...values: unknown[]): bigint => {
    seen.push(words[TURN], ...values);
    return -5n;
  };
  const call = crossing(callee, 22, { parameters: [I32, I64], results: [I64] }, memory) as typeof callee;
  expect(call(7, 8n)).toBe(-5n);
  expect(seen).toEqual([22, 7, 8n]);
  expect(words[TURN]).toBe(11);
});

test('no frame of a fault', () => {
  let thrown: unknown;
  const callee = (): never => {
    throw new Error('inside');
  };
  const call = crossing(callee, 22, { parameters: [], results: [] }, memory) as typeof callee;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(String((thrown as Error).stack)).toContain(CROSSING); // it was there
  expect(framesOf(capture(thrown as Error)).filter(({ wasm }) => wasm !== null)).toEqual([]);
});

test('a function of another type stays itself: who imports it is refused', () => {
  const [i32, i64] = [I32, I64].map((type) => ({ parameters: [type], results: [] }));
  const wide = crossing(() => undefined, 22, i64!, memory);
  expect(crossing(wide, 22, i32!, memory)).toBe(wide);
});
