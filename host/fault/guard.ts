// A step on a machine that may be dying: how it ended, whatever happens. What a machine may do to its caller is to refuse
// (ModuleError), to end it in its call (Killed) and to die (MachineDied); anything else has escaped from it.

import { ModuleError } from '../domain/module-error.ts';
import { Killed, MachineDied } from '../machine/shared/control.ts';

export type Ending<T> =
  | { how: 'done'; value: T }
  | { how: 'refused'; error: ModuleError }
  | { how: 'killed' }
  | { how: 'died' }
  /** Patience ran out. */
  | { how: 'no answer' }
  | { how: 'escaped'; what: string };

/** How a step ended that was not done. */
export function endingText(ending: Exclude<Ending<unknown>, { how: 'done' }>): string {
  if (ending.how === 'refused') return ending.error.message;
  return ending.how === 'escaped' ? ending.what : ending.how;
}

const NO_ANSWER = Symbol('no answer');

/** An exception in one line, with where it was thrown. */
export function exceptionText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `something that is no error was thrown: ${typeof thrown}`;
  const place = /\n\s*at ([^\n]*)/.exec(thrown.stack ?? '')?.[1];
  return `${thrown.name}: ${thrown.message}${place === undefined ? '' : ` (${place})`}`;
}

/** @param patienceMs after which it has no answer; the step itself cannot be stopped */
export async function attempt<T>(step: () => Promise<T>, patienceMs: number): Promise<Ending<T>> {
  let timer: unknown;
  try {
    const patience = new Promise<typeof NO_ANSWER>((resolve) => {
      timer = setTimeout(() => resolve(NO_ANSWER), patienceMs);
    });
    const value = await Promise.race([step(), patience]);
    return value === NO_ANSWER ? { how: 'no answer' } : { how: 'done', value };
  } catch (thrown) {
    if (thrown instanceof ModuleError) return { how: 'refused', error: thrown };
    if (thrown instanceof Killed) return { how: 'killed' };
    if (thrown instanceof MachineDied) return { how: 'died' };
    return { how: 'escaped', what: exceptionText(thrown) };
  } finally {
    clearTimeout(timer);
  }
}

/** Looks every few ms until something is so. @returns whether it was within the time */
export async function until(condition: () => boolean, patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
  }
  return true;
}
