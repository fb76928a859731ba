// Requests to drivers on the kernel's own thread, one of which comes while another is served.

import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { GATE_BITS } from '../../kernel/abi/channel.ts';
import { M_CALL_CLIENT } from '../../kernel/abi/machine.ts';
import { MACHINE_BASE } from '../../kernel/abi/map.ts';
import { O_RDWR, SYS_OPEN, SYS_READ } from '../../kernel/abi/operation.ts';
import { HandmadeClient, HandmadeDriver } from '../support/channel.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

const CHANNEL = 5;

let image: LoadedModule;
let kernel: TestKernel;
let first: HandmadeClient;
let second: HandmadeClient;

/** The client whose call the kernel takes this for. */
const current = (): number => kernel.words[(MACHINE_BASE + M_CALL_CLIENT) >> 2]! - 1;
const requestOf = (ticket: number): number => ticket >> GATE_BITS;

beforeAll(async () => {
  image = await loadImage('kernel.wasm');
});
beforeEach(() => {
  kernel = new TestKernel(image);
  new HandmadeDriver(kernel, CHANNEL, 'boxed', 0, 0, true, true);
  kernel.exports.gate_open(CHANNEL, 0);
  kernel.gate = () => 0;
  first = new HandmadeClient(kernel, 1);
  second = new HandmadeClient(kernel, 2);
  for (const client of [first, second])
    expect(client.call(SYS_OPEN, client.text('/dev/boxed'), O_RDWR)).toBe(0);
});

test('one that has waited runs on account of who has asked for it', () => {
  const served: [request: number, client: number][] = [];
  kernel.gate = (ticket) => {
    served.push([requestOf(ticket), current()]);
    if (served.length === 1) expect(second.call(SYS_READ, 0, second.address, 8)).toBe(null);
    return requestOf(ticket);
  };
  expect(first.call(SYS_READ, 0, first.address, 8)).toBe(1);
  expect(second.answer).toBe(null); // whatever it ends in, the first has its answer
  kernel.exports.poll();
  expect(second.answer).toBe(2);
  expect(served).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('one that has waited for the driver’s timers too', () => {
  const served: number[] = [];
  kernel.gate = () => served.push(current());
  expect(kernel.exports.gate_claim(CHANNEL)).toBe(1);
  expect(second.call(SYS_READ, 0, second.address, 8)).toBe(null);
  kernel.exports.gate_release(CHANNEL);
  expect(second.answer).toBe(1);
  expect(served).toEqual([2]);
  expect(current()).toBe(-1);
});
