// How fine the clock is that everything here is timed with. A batch has to last many steps of it.

/** Steps to see before believing the smallest. */
const STEPS = 200;
/** Looks at a clock that does not move before giving up: seconds of reading even where a look is cheap. */
const MAX_LOOKS = 1e8;

/**
 * The smallest step of a clock that was seen, in ns (at least 1): 5000 in a cross-origin isolated Chromium page,
 * 100,000 in another, about 100 in Node.
 *
 * @param now the clock, in ms
 */
export function clockStepNs(now: () => number): number {
  let smallest = Infinity;
  let last = now();
  let steps = 0;
  for (let looks = 0; steps < STEPS; looks++) {
    if (looks === MAX_LOOKS) throw new Error(`the clock stands still at ${last}`);
    const time = now();
    if (time === last) continue;
    smallest = Math.min(smallest, time - last);
    last = time;
    steps++;
  }
  return Math.max(1, Math.round(smallest * 1e6));
}

/** Least time of a batch in ms, on a fine clock. */
const BATCH_MS = 3;
/** Steps of the clock that a batch lasts: its time is true to a hundredth. */
const BATCH_STEPS = 100;

/** How long a batch lasts by a clock of that step: 3 ms, 10 where the page is not isolated. */
export function batchMsFor(stepNs: number): number {
  return Math.max(BATCH_MS, (BATCH_STEPS * stepNs) / 1e6);
}
