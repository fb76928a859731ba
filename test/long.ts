// Whether this is the long run (npm run test:long): more rounds of the same tests. Works in Node and in the browser.

import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Given by vitest.config.ts. */
    long: boolean;
  }
}

export const LONG = inject('long');

/** A number of rounds: the first by default, the second in the long run. */
export const rounds = (short: number, long: number): number => (LONG ? long : short);
