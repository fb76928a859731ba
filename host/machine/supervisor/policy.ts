// The policy of a driver, as data: what its death leads to. Pure: `decide` is given the policy, the deaths so far and the
// time, and says what to do; whoever asks does it (./supervise.ts).
//
//   restart     permanent: always; transient: after an abnormal end; temporary: never (Erlang/OTP's words)
//   backoff     the first restart is at once, the next after base ms, then twice that, up to cap; a life of `stable` ms
//               begins anew
//   intensity   more than so many restarts in such a period are too many: the driver is given up
//   essential   where others would be given up, the machine panics, which boots it anew
//   owners      what the death of a driver whose symbols it uses is to it: told, or restarted with it
//   command     asked before each restart, what it answers decides
//
// The orderly ends of a driver are do_exit(0) and rmmod. rmmod is somebody's wish: nothing is restarted after it, whatever the
// policy. Every other end is abnormal.

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
  /** For whoever recovers (MachineOptions.recover); null for none. */
  command: string | null;
}

/**
 * A driver that dies at once at each start is given up after 1.5 seconds of back-off. One that hangs at each first call, which
 * takes the default deadline of two seconds to notice, dies six times in 15 seconds: the period has to be longer.
 */
export const DEFAULT_POLICY: Policy = {
  restart: 'permanent',
  backoff: { baseMs: 100, capMs: 10_000, stableMs: 10_000 },
  intensity: { restarts: 5, periodMs: 30_000 },
  essential: false,
  owners: 'tell',
  command: null,
};

/** For experiments, which kill on purpose: always, at once. */
export const NEVER_GIVE_UP: Partial<Policy> = {
  backoff: { baseMs: 0, capMs: 0, stableMs: 0 },
  intensity: { restarts: Infinity, periodMs: 1 },
};

/** Deaths in its init in a row after which a driver is given up, whatever the intensity: none of them did any work. */
export const MAX_INIT_DEATHS = 5;

/** Why a driver has died. */
export interface Cause {
  by: DetectedBy;
  /** In its init, at a restart. */
  inInit: boolean;
  /** What do_exit was given; null where that is not how it ended. */
  code: number | null;
}

export interface Death {
  /** ms, of any clock that all deaths share. */
  at: number;
  /** How long it was up, in ms; null where it died in its init. */
  lived: number | null;
}

export type Decision =
  | { act: 'restart'; afterMs: number }
  /** An orderly end: nobody has to do anything. */
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
 * What a death leads to.
 * @param deaths this one is the last
 * @param now of the clock that the deaths were timed with
 */
export function decide(policy: Policy, deaths: readonly Death[], cause: Cause, now: number): Decision {
  const lost = (reason: string): Decision => ({ act: policy.essential ? 'panic' : 'give up', reason });
  const orderly = cause.by === 'exit' && cause.code === 0;
  if (policy.restart === 'temporary') return orderly ? ended(policy) : lost('it is temporary');
  if (policy.restart === 'transient' && orderly) return ended(policy);
  const reason = exhausted(policy, deaths, now);
  return reason === null ? { act: 'restart', afterMs: delayOf(policy, deaths) } : lost(reason);
}

/** One that is essential must not even leave by its own will. */
function ended({ essential }: Policy): Decision {
  const reason = 'it has ended by itself';
  return essential ? { act: 'panic', reason } : { act: 'rest', reason };
}

/** Deaths that may still matter to `decide`; the others need not be kept. */
export function remembered(policy: Policy, deaths: readonly Death[], now: number): Death[] {
  const { periodMs, restarts } = policy.intensity;
  const enough = Number.isFinite(restarts) ? restarts + 1 : 0;
  const recent = deaths.filter(({ at }) => now - at < periodMs).length;
  // Of a streak only its length counts, and doubling has reached any cap after 32.
  return deaths.slice(-Math.max(Math.min(recent, enough), MAX_INIT_DEATHS, 32));
}
