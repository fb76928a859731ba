// Timers of drivers: they run on time and in order wherever the driver lives, also while it has nothing else to do, and
// end with it.

import { describe, expect, test } from 'vitest';
import {
  driverIs,
  expectLine,
  isFault,
  machineIs,
  nextEvent,
  withMachine,
  type Bench,
} from '../../support/machine.ts';
import { cat } from './tree.ts';

export function timers(bench: Bench): void {
  describe('timers', () => {
    const at = withMachine(bench);
    const monolithic = bench.placement === 'monolithic';

    test('tick with nobody asking, in order, and not before their time', async () => {
      const start = at.logged;
      await at.load(await bench.fixture('ticker'), 'period=3 ticks=8');
      const done = /^ticker: 8 ticks in (\d+) ms$/;
      await expect.poll(() => at.log(start).some((line) => done.test(line)), { timeout: 10_000 }).toBe(true);
      await expect.poll(() => at.log(start).includes('ticker: late'), { timeout: 10_000 }).toBe(true);
      const lines = at.log(start);
      expect(Number(lines.map((line) => done.exec(line)?.[1]).find(Boolean))).toBeGreaterThanOrEqual(23);
      expect(lines.filter((line) => /early|late/.test(line))).toEqual(['ticker: early', 'ticker: late']);
      expect(await cat(at.console, '/proc/ticker')).toBe('8 0 0\n');
      expect(at.machine.check()).toEqual([]);
    });

    test('a driver that is asked all the time still gets its time', async () => {
      const start = at.logged;
      await at.load(await bench.fixture('ticker'), 'period=1 ticks=20');
      const ticked = (): boolean => at.log(start).some((line) => line.startsWith('ticker: 20 ticks'));
      while (!ticked()) expect(await cat(at.console, '/proc/ticker')).toMatch(/^\d+ [01] 0\n$/);
    });

    test('a timer that a module forgot is stopped with it, and said', async () => {
      const start = at.logged;
      const before = at.machine.accounting();
      await at.machine.insmod(await bench.fixture('ticker'), 'period=100000 forgetful=1');
      await expect.poll(() => at.log(start).includes('ticker: late'), { timeout: 10_000 }).toBe(true);
      expect(at.machine.check()).toEqual([]);
      await at.machine.rmmod('ticker');
      expectLine(at.log(start), 'ticker: left 1 timers active');
      expect(at.machine.accounting()).toEqual(before);
      expect(at.machine.check()).toEqual([]);
    });

    test('one that stops its own timers says nothing', async () => {
      const start = at.logged;
      await at.machine.insmod(await bench.fixture('ticker'), 'period=100000');
      await at.machine.rmmod('ticker');
      expect(at.log(start).join('\n')).not.toContain('timers active');
    });

    test('a trap in a timer: a panic where the driver is in the kernel, else a restart', async () => {
      const died = nextEvent(at.machine, isFault);
      const again = monolithic
        ? nextEvent(at.machine, machineIs('running'))
        : nextEvent(at.machine, driverIs('ticker', 'starting'));
      await at.machine.insmod(await bench.fixture('ticker'), 'period=700 ticks=2 poisoned=1');
      expect((await died).fault).toMatchObject({ kind: 'unreachable' });
      await again;
      await at.machine.settled();
      await at.machine.rmmod('ticker'); // before it comes to that again
      const words = at.machine.deadKernelLog?.records.map(({ text }) => text) ?? [];
      if (monolithic) expectLine(words, 'Kernel panic - not syncing: Fatal exception in interrupt');
      else expect(words).toEqual([]);
    });
  });
}
