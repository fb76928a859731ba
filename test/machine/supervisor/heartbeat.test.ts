// When a driver's thread is given up because it does not echo, check by check, on words that the test writes.

import { beforeEach, expect, test } from 'vitest';
import { HeartbeatMonitor } from '../../../host/machine/supervisor/heartbeat.ts';
import {
  CHANNEL_SIZE,
  D_BELL,
  D_HEART,
  D_PONG,
  K_GATE,
  S_DRIVER_HOST,
  S_PING,
  S_TRANSPORT,
  TRANSPORT_GATE,
} from '../../../kernel/abi/channel.ts';
import { CHANNELS_BASE } from '../../../kernel/abi/map.ts';

const CHANNEL = 3;
let words: Int32Array;
let monitor: HeartbeatMonitor;
const at = (offset: number, channel = CHANNEL): number =>
  (CHANNELS_BASE + channel * CHANNEL_SIZE + offset) >> 2;
const echo = (): void => void (words[at(D_PONG)] = words[at(S_PING)]!);

beforeEach(() => {
  words = new Int32Array(new SharedArrayBuffer(CHANNELS_BASE + 8 * CHANNEL_SIZE));
  monitor = new HeartbeatMonitor(words, CHANNEL);
});

test('who echoes lives, and is asked and woken anew at each look', () => {
  for (let look = 1; look <= 100; look++) {
    expect(monitor.check()).toBe(true);
    expect([words[at(S_PING)], words[at(D_BELL)]]).toEqual([look, look]);
    echo();
  }
});

test('who misses two looks in a row is dead; nobody rings for ever', () => {
  expect([monitor.check(), monitor.check(), monitor.check()]).toEqual([true, true, false]);
  expect(words[at(S_PING)]).toBe(1);
});

test('one echo makes good for what was missed', () => {
  for (let round = 0; round < 10; round++) {
    expect([monitor.check(), monitor.check()]).toEqual([true, true]);
    echo();
  }
});

test('a heart that beats, or another driver that is waited for, is a sign of life', () => {
  monitor.check();
  for (let look = 0; look < 10; look++) {
    words[at(D_HEART)]!++;
    expect(monitor.check()).toBe(true);
  }
  words[at(K_GATE)] = 1;
  for (let look = 0; look < 10; look++) expect(monitor.check()).toBe(true);
  words[at(K_GATE)] = 0;
  expect([monitor.check(), monitor.check()]).toEqual([true, false]);
});

test('of a pool the thread is woken by the channel of its driver host', () => {
  words[at(S_DRIVER_HOST)] = 5 + 1;
  monitor.check();
  expect([words[at(D_BELL)], words[at(D_BELL, 5)]]).toEqual([0, 1]);
});

test('one on the kernel’s thread is not asked', () => {
  words[at(S_TRANSPORT)] = TRANSPORT_GATE;
  for (let look = 0; look < 5; look++) expect(monitor.check()).toBe(true);
  expect(words[at(S_PING)]).toBe(0);
});
