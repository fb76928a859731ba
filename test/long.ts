// Whether this is the long run (npm run test:long): more rounds of the same tests. Works in Node and in the browser.

/** Put in place by vitest.config.ts. */
declare const __ISOLAB_LONG__: boolean;

export const LONG: boolean = __ISOLAB_LONG__;

/** A number of rounds: the first by default, the second in the long run. */
export const rounds = (short: number, long: number): number => (LONG ? long : short);
