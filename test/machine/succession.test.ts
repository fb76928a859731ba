// Who waits for the end of another is announced when that is fenced, if it is there to be announced.

import { beforeEach, expect, test } from 'vitest';
import { wordOf } from '../../host/machine/channel-words.ts';
import { Failover } from '../../host/machine/succession.ts';
import { type ExpectedSuccessor } from '../../host/machine/protocol.ts';
import { K_GENERATION } from '../../kernel/abi/channel.ts';
import { TestKernel } from '../support/kernel.ts';

let kernel: TestKernel;
let announced: [flags: number, channel: number][];
let entered: number[];
let succession: Failover;
const heir: ExpectedSuccessor = {
  ...{ of: { channel: 1, generation: 1 }, channel: 2, generation: 1, flags: 8, name: 'lkdtm' },
  file: { name: 'lkdtm', file: null },
};

beforeEach(async () => {
  kernel = await TestKernel.boot();
  announced = [];
  entered = [];
  succession = new Failover(
    () => kernel,
    (_, flags, channel) => (announced.push([flags, channel]), { ok: true, value: [] }),
    (channel) => entered.push(channel),
  );
});

const fence = (channel: number): void => void kernel.words[wordOf(channel, K_GENERATION)]!++;

test('once, when the other is fenced', async () => {
  const told = succession.expect(heir);
  expect(succession.look()).toBe(false);
  fence(1);
  expect(succession.look()).toBe(true);
  expect(succession.look()).toBe(false);
  expect(announced).toEqual([[8, 2]]);
  expect(entered).toEqual([2]);
  expect(await told).toEqual({ ok: true, value: [] });
});

test('at once, where that is fenced already', async () => {
  fence(1);
  expect(await succession.expect(heir)).toEqual({ ok: true, value: [] });
});

test('not where it is dead itself: its channel may be another’s', async () => {
  const told = succession.expect(heir);
  fence(2);
  fence(1);
  expect(succession.look()).toBe(true);
  expect(await told).toBe(null);
  expect([announced, entered]).toEqual([[], []]);
});

test('each at the end of whom it waits for', async () => {
  const first = succession.expect(heir);
  const second = succession.expect({ ...heir, of: { channel: 3, generation: 1 }, channel: 4 });
  fence(3);
  expect(succession.look()).toBe(true);
  expect(await second).toEqual({ ok: true, value: [] });
  expect([succession.expects(2, 1), succession.expects(4, 1)]).toEqual([true, false]);
  fence(1);
  expect(succession.look()).toBe(true);
  expect(await first).toEqual({ ok: true, value: [] });
  expect(entered).toEqual([4, 2]);
});

test('not where it is not wanted any more', async () => {
  const told = succession.expect(heir);
  succession.forget(2);
  fence(1);
  expect(succession.look()).toBe(false);
  expect(await told).toBe(null);
});
