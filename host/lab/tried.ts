// A part of an experiment that may fail without taking the rest with it.

import { Cancelled } from './wait.ts';

export interface ProblemListener {
  /** Told in a sentence what could not be measured; its rows are missing in the report. */
  onProblem?: ((text: string) => void) | undefined;
}

/** The result, or null and a problem told: one row less is better than no report. Throws Cancelled alone. */
export async function measureOrReport<T>(
  what: string,
  told: ProblemListener,
  run: () => Promise<T | null>,
): Promise<T | null> {
  let problem: string;
  try {
    const result = await run();
    if (result !== null) return result;
    problem = 'no answer';
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    problem = error instanceof Error ? error.message : String(error);
  }
  told.onProblem?.(`not measured: ${what}: ${problem}`);
  return null;
}
