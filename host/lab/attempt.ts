// A call on a machine that may be dying: failing is a result here. Only what a machine's death explains counts as one;
// any other rejection is a mistake in our own code and is passed on.

import { within, type CancelSignal } from './wait.ts';

export type Failure =
  | 'killed' // the client was ended in the call
  | 'machine died'
  | 'no answer'; // patience ran out

export type Attempt<T> = { ok: true; value: T } | { ok: false; failure: Failure };

const FAILURES: Readonly<Record<string, Failure>> = { Killed: 'killed', MachineDied: 'machine died' };
const NO_ANSWER = Symbol('no answer');

/**
 * @param call       begins the call
 * @param patienceMs after which it has no answer
 */
export async function attempt<T>(
  call: () => Promise<T>,
  patienceMs: number,
  signal?: CancelSignal,
): Promise<Attempt<T>> {
  try {
    const value = await within(call(), patienceMs, NO_ANSWER, signal);
    return value === NO_ANSWER ? { ok: false, failure: 'no answer' } : { ok: true, value: value as T };
  } catch (error) {
    const failure = error instanceof Error ? FAILURES[error.name] : undefined;
    if (failure === undefined) throw error;
    return { ok: false, failure };
  }
}
