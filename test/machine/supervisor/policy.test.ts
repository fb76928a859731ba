// The decisions of policies, with a clock that the test sets.

import { describe, expect, test } from 'vitest';
import {
  decide,
  DEFAULT_POLICY,
  delayOf,
  MAX_INIT_DEATHS,
  relevantDeaths,
  NEVER_GIVE_UP,
  type Cause,
  type Death,
  type Decision,
  type Policy,
} from '../../../host/machine/supervisor/policy.ts';

const TRAP: Cause = { by: 'trap', inInit: false, code: null };
const exit = (code: number): Cause => ({ by: 'exit', inInit: false, code });
const policy = (part: Partial<Policy> = {}): Policy => ({ ...DEFAULT_POLICY, ...part });

/** A driver that dies repeatedly, on a clock of its own. */
class DyingDriver {
  now = 1_000_000;
  readonly deaths: Death[] = [];
  readonly policy: Policy;

  constructor(part: Partial<Policy> = {}) {
    this.policy = policy(part);
  }

  /** It lives for so long (null: dies in its init), dies, and waits for the back-off. */
  die(lived: number | null, cause = TRAP): Decision {
    this.now += lived ?? 0;
    this.deaths.push({ at: this.now, lived });
    const decision = decide(this.policy, this.deaths, cause, this.now);
    if (decision.act === 'restart') this.now += decision.afterMs;
    return decision;
  }

  acts(count: number, lived: number | null): string[] {
    return Array.from({ length: count }, () => {
      const decision = this.die(lived);
      return decision.act === 'restart' ? String(decision.afterMs) : decision.act;
    });
  }
}

describe('who is restarted', () => {
  const acts = (part: Partial<Policy>, cause: Cause): string => new DyingDriver(part).die(1, cause).act;

  test.each([
    ['permanent', 'restart', 'restart', 'restart'],
    ['transient', 'rest', 'restart', 'restart'],
    ['temporary', 'rest', 'give up', 'give up'],
  ] as const)('%s: do_exit(0) %s, do_exit(1) %s, a trap %s', (restart, orderly, disorderly, trap) => {
    expect(acts({ restart }, exit(0))).toBe(orderly);
    expect(acts({ restart }, exit(1))).toBe(disorderly);
    expect(acts({ restart }, TRAP)).toBe(trap);
  });

  test('the loss of one that is essential is a panic, its leaving too', () => {
    const essential = true;
    expect(acts({ restart: 'temporary', essential }, TRAP)).toBe('panic');
    expect(acts({ restart: 'transient', essential }, exit(0))).toBe('panic');
    expect(acts({ restart: 'transient', essential }, exit(1))).toBe('restart');
    expect(acts({ intensity: { restarts: 0, periodMs: 1 }, essential }, TRAP)).toBe('panic');
  });

  test('reasons are sentences', () => {
    expect(new DyingDriver({ restart: 'temporary' }).die(1)).toEqual({
      ...{ act: 'give up', reason: 'it is temporary' },
    });
    expect(new DyingDriver({ intensity: { restarts: 0, periodMs: 5000 } }).die(1)).toEqual({
      ...{ act: 'give up', reason: 'more than 0 restarts in 5 s' },
    });
  });
});

describe('back-off', () => {
  const backoff = { baseMs: 100, capMs: 1000, stableMs: 5000 };
  const intensity = { restarts: Infinity, periodMs: 1 };

  test('at once the first time, then doubling from base to cap', () => {
    expect(new DyingDriver({ backoff, intensity }).acts(7, 1)).toEqual([
      ...['0', '100', '200', '400', '800', '1000', '1000'],
    ]);
  });

  test('a stable life begins anew', () => {
    const driver = new DyingDriver({ backoff, intensity });
    expect(driver.acts(3, 4999)).toEqual(['0', '100', '200']);
    expect(driver.acts(1, 5000)).toEqual(['0']);
    expect(driver.acts(2, 1)).toEqual(['100', '200']);
  });

  test('stays at the cap after any number of deaths', () => {
    const deaths = Array.from({ length: 5000 }, (_, at) => ({ at, lived: 0 }));
    expect(delayOf(policy({ backoff }), deaths)).toBe(1000);
  });
});

describe('intensity', () => {
  const backoff = { baseMs: 0, capMs: 0, stableMs: 0 };

  test('more than so many restarts in a period', () => {
    const driver = new DyingDriver({ backoff, intensity: { restarts: 3, periodMs: 1000 } });
    expect(driver.acts(4, 10)).toEqual(['0', '0', '0', 'give up']);
  });

  test('deaths that are further apart are no storm', () => {
    const driver = new DyingDriver({ backoff, intensity: { restarts: 3, periodMs: 1000 } });
    expect(driver.acts(50, 334)).toEqual(Array.from({ length: 50 }, () => '0'));
  });

  test('the default: one that dies at once, and one whose every call hangs', () => {
    const born = new DyingDriver();
    expect(born.acts(6, 1)).toEqual(['0', '100', '200', '400', '800', 'give up']);
    expect(new DyingDriver().acts(6, 2000).at(-1)).toBe('give up');
    expect(new DyingDriver().acts(100, 10_000)).not.toContain('give up');
  });

  test('one that never gets beyond its init is given up, whatever the intensity', () => {
    const driver = new DyingDriver(NEVER_GIVE_UP);
    expect(driver.acts(1000, 1).every((act) => act === '0')).toBe(true);
    expect(driver.acts(MAX_INIT_DEATHS, null)).toEqual([
      ...Array.from({ length: MAX_INIT_DEATHS - 1 }, () => '0'),
      'give up',
    ]);
  });
});

test('what is remembered decides the same (seeded)', () => {
  let seed = 7;
  const next = (limit: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % limit;
  for (let round = 0; round < 200; round++) {
    const complete = new DyingDriver({
      backoff: { baseMs: next(100), capMs: 100 + next(1000), stableMs: next(3000) },
      intensity: { restarts: next(8) + 1, periodMs: 1 + next(4000) },
    });
    let kept: Death[] = [];
    for (let i = 0; i < 60; i++) {
      const decision = complete.die(next(10) === 0 ? null : next(4000));
      kept = relevantDeaths(complete.policy, [...kept, complete.deaths.at(-1)], complete.deaths.at(-1).at);
      const { at } = complete.deaths.at(-1);
      expect(decide(complete.policy, kept, TRAP, at)).toEqual(decision);
    }
    expect(kept.length).toBeLessThanOrEqual(32);
  }
});
