// The restart policy of a driver, as data. `decide` is pure: from the policy, the deaths so far and the time it says what to do.
// ./supervise.ts does it.
//
//   restart     permanent: always; transient: after an abnormal end; temporary: never (Erlang/OTP's words)
//   backoff     the first restart is at once, the next after base ms, then twice that, up to cap; after a life of `stable` ms
//               the sequence starts again
//   intensity   after more restarts in the period than this the driver is given up
//   essential   the machine panics and reboots where another driver would be given up
//   owners      what happens when a driver whose symbols it uses dies: it is told in the log, or restarted
//   command     is run before each restart; its answer decides
//
// The orderly ends of a driver are do_exit(0) and rmmod. After rmmod, which the operator asks for, no policy restarts anything.
// Every other end is abnormal.

import type { DetectedBy } from '../shared/types.ts';

export interface Backoff {
  baseMs: number;
  capMs: number;
  stableMs: number;
}

/** At most so many restarts in any period; Infinity for no limit. */
export interface Intensity {
  restarts: number;
  periodMs: number;
}

export interface Policy {
  restart: 'permanent' | 'transient' | 'temporary';
  backoff: Backoff;
  intensity: Intensity;
  essential: boolean;
  owners: 'tell' | 'restart';
  /** Passed to MachineOptions.recover; null for none. */
  command: string | null;
}

/**
 * A driver that dies at each start is given up after 1.5 seconds of back-off. A driver that hangs at each first call dies six
 * times in 15 seconds, because the default deadline is two seconds; the period has to be longer than that.
 */
export const DEFAULT_POLICY: Policy = {
  restart: 'permanent',
  backoff: { baseMs: 100, capMs: 10_000, stableMs: 10_000 },
  intensity: { restarts: 5, periodMs: 30_000 },
  essential: false,
  owners: 'tell',
  command: null,
};

/** For experiments, which kill on purpose: restart always and at once. */
export const NEVER_GIVE_UP: Partial<Policy> = {
  backoff: { baseMs: 0, capMs: 0, stableMs: 0 },
  intensity: { restarts: Infinity, periodMs: 1 },
};

/** A driver that dies so many times in a row in its init is given up, whatever the intensity. */
export const MAX_INIT_DEATHS = 5;

/** Why a driver has died. */
export interface Cause {
  by: DetectedBy;
  /** In its init, at a restart. */
  inInit: boolean;
  /** The code that it gave do_exit; null where it did not exit. */
  code: number | null;
}

export interface Death {
  /** ms of a clock that all deaths share. */
  at: number;
  /** How long it was up, in ms; null where it died in its init. */
  lived: number | null;
}

export type Decision =
  | { act: 'restart'; afterMs: number }
  /** An orderly end: there is nothing to do. */
  | { act: 'rest'; reason: string }
  | { act: 'give up'; reason: string }
  | { act: 'panic'; reason: string };

/** The deaths at the end of `deaths` between which there was no stable life. */
function streakOf(deaths: readonly Death[], stableMs: number): number {
  let streak = 0;
  for (let i = deaths.length - 1; i >= 0; i--) {
    streak++;
    if ((deaths[i]!.lived ?? -1) >= stableMs) break;
  }
  return streak;
}

/** ms before the restart after the last of `deaths`. */
export function delayOf({ backoff: { baseMs, capMs, stableMs } }: Policy, deaths: readonly Death[]): number {
  const streak = streakOf(deaths, stableMs);
  return streak <= 1 ? 0 : Math.min(baseMs * 2 ** (streak - 2), capMs);
}

const seconds = (ms: number): string => `${ms / 1000} s`;

/** Why a driver cannot be restarted any more; null where it can. */
function exhausted({ intensity }: Policy, deaths: readonly Death[], now: number): string | null {
  const { restarts, periodMs } = intensity;
  const recent = deaths.filter(({ at }) => now - at < periodMs).length;
  if (recent > restarts) return `more than ${restarts} restarts in ${seconds(periodMs)}`;
  const last = deaths.slice(-MAX_INIT_DEATHS);
  if (last.length === MAX_INIT_DEATHS && last.every(({ lived }) => lived === null))
    return `it died ${MAX_INIT_DEATHS} times in a row in its init`;
  return null;
}

/**
 * What to do after a death.
 * @param deaths the last of them is this one
 * @param now by the clock of the deaths
 */
export function decide(policy: Policy, deaths: readonly Death[], cause: Cause, now: number): Decision {
  const lost = (reason: string): Decision => ({ act: policy.essential ? 'panic' : 'give up', reason });
  const orderly = cause.by === 'exit' && cause.code === 0;
  if (policy.restart === 'temporary') return orderly ? stopOrPanic(policy) : lost('it is temporary');
  if (policy.restart === 'transient' && orderly) return stopOrPanic(policy);
  const reason = exhausted(policy, deaths, now);
  return reason === null ? { act: 'restart', afterMs: delayOf(policy, deaths) } : lost(reason);
}

/** The decision after an orderly end: an essential driver must not end at all. */
function stopOrPanic({ essential }: Policy): Decision {
  const reason = 'it has ended by itself';
  return essential ? { act: 'panic', reason } : { act: 'rest', reason };
}

/** The deaths that `decide` may still need. */
export function relevantDeaths(policy: Policy, deaths: readonly Death[], now: number): Death[] {
  const { periodMs, restarts } = policy.intensity;
  const enough = Number.isFinite(restarts) ? restarts + 1 : 0;
  const recent = deaths.filter(({ at }) => now - at < periodMs).length;
  // Only the length of a streak counts, and after 32 doublings any cap is reached.
  return deaths.slice(-Math.max(Math.min(recent, enough), MAX_INIT_DEATHS, 32));
}
