// How far a measurement came. Whoever measures something for long is given a signal; when it is aborted (Ctrl-C) the report is
// of what is whole until then, and says so: a partial result must not look like a whole one.

import { Cancelled } from './wait.ts';

/** How much was to be done of something, and how much has been. */
export interface Extent {
  /** In the plural: faults. */
  what: string;
  done: number;
  of: number;
}

/** What every report says of its own measurement. */
export interface Completion {
  /** Whether the user has ended it before its time. */
  interrupted: boolean;
  extent: Extent[];
}

/** Does work that a user may give up. @returns whether that has happened; rejects with everything but Cancelled */
export async function wasInterrupted(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Cancelled) return true;
    throw error;
  }
}

/** A line for the end of a table; none where everything was done. */
export function completionLines({ interrupted, extent }: Completion): string[] {
  if (!interrupted) return [];
  const parts = extent.map(({ what, done, of }) => `${done} of ${of} ${what}`);
  return [`interrupted, ended before its time: ${parts.join(', ')}`];
}
