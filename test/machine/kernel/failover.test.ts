// A successor is announced when its predecessor is fenced, if it still lives.

import { beforeEach, expect, test } from 'vitest';
import { wordOf } from '../../../host/machine/shared/channel-words.ts';
import { Failover } from '../../../host/machine/kernel/failover.ts';
import type { ExpectedSuccessor } from '../../../host/machine/shared/protocol.ts';
import { K_GENERATION } from '../../../kernel/abi/channel.ts';
import { TestKernel } from '../../support/kernel.ts';

let kernel: TestKernel;
let announced: [flags: number, channel: number][];
let entered: number[];
let failover: Failover;
const expected: ExpectedSuccessor = {
  ...{ of: { channel: 1, generation: 1 }, channel: 2, generation: 1, flags: 8, name: 'lkdtm' },
  file: { name: 'lkdtm', file: null },
};

beforeEach(async () => {
  kernel = await TestKernel.boot();
  announced = [];
  entered = [];
  failover = new Failover(
    () => kernel,
    (_, flags, channel) => (announced.push([flags, channel]), { ok: true, value: [] }),
    (channel) => entered.push(channel),
  );
});

const fence = (channel: number): void => void kernel.words[wordOf(channel, K_GENERATION)]!++;

test('once, when the other is fenced', async () => {
  const answer = failover.expect(expected);
  expect(failover.check()).toBe(false);
  fence(1);
  expect(failover.check()).toBe(true);
  expect(failover.check()).toBe(false);
  expect(announced).toEqual([[8, 2]]);
  expect(entered).toEqual([2]);
  expect(await answer).toEqual({ ok: true, value: [] });
});

test('at once, where that is fenced already', async () => {
  fence(1);
  expect(await failover.expect(expected)).toEqual({ ok: true, value: [] });
});

test('not where it is dead itself: its channel may be another’s', async () => {
  const answer = failover.expect(expected);
  fence(2);
  fence(1);
  expect(failover.check()).toBe(true);
  expect(await answer).toBe(null);
  expect([announced, entered]).toEqual([[], []]);
});

test('each at the end of whom it waits for', async () => {
  const first = failover.expect(expected);
  const second = failover.expect({ ...expected, of: { channel: 3, generation: 1 }, channel: 4 });
  fence(3);
  expect(failover.check()).toBe(true);
  expect(await second).toEqual({ ok: true, value: [] });
  expect([failover.expects(2, 1), failover.expects(4, 1)]).toEqual([true, false]);
  fence(1);
  expect(failover.check()).toBe(true);
  expect(await first).toEqual({ ok: true, value: [] });
  expect(entered).toEqual([4, 2]);
});

test('not where it is not wanted any more', async () => {
  const answer = failover.expect(expected);
  failover.forget(2);
  fence(1);
  expect(failover.check()).toBe(false);
  expect(await answer).toBe(null);
});
