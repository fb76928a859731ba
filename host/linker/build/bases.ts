// The three places that a source is built at, so that what depends on its address shows.
//
//   low   64 KiB, table slot 1      below every real base: nothing lives in the null area, and slot 0 is null
//   main  low + main step           the build that is rewritten
//   high  low + high step           the build that proves the relocations
//
// The steps are chosen so that every bit of an address from the alignment up to 2^26 differs between at least two of
// the builds, whatever the offset: modulo 2^(k+1) the three bases are a third of the circle apart, so no half of it holds
// all three. A masked or compared address that asc folds to a constant then cannot come out equal, nor differ by exactly
// a step: memory steps stand in a ratio of 1 : 2, table steps do not, so no shift or product of the one looks like the
// other. What maps many addresses to few results (three bits of a hash) may still come out equal by chance in all three.
// Addresses of main and high have LEBs of 4 bytes, table indices of 3, so that one can be patched into the other.

export interface Base {
  memory: number;
  table: number;
}

export interface Bases {
  low: Base;
  main: Base;
  high: Base;
}

/** Bits of an address that a build at another base changes. */
export const ADDRESS_BITS = 27;
export const TABLE_BITS = 17;
/** The largest alignment that static data may ask for: that of the low base. */
export const MAX_ALIGNMENT = 0x10000;
/** Data beyond this would leave the range of the steps. */
export const MAX_IMAGE = 0x2000000;

export const LOW: Base = { memory: 0x10000, table: 1 };

const TABLE_MAIN = 0x55555;
const TABLE_HIGH = 0x2aaaa;

/** The bases for data whose largest alignment is `alignment` (a power of two, at least 16). */
export function basesFor(alignment: number): Bases {
  let high = 0;
  for (let step = alignment; step < 1 << ADDRESS_BITS; step *= 4) high += step;
  const main = (high * 2) % (1 << ADDRESS_BITS);
  return {
    low: LOW,
    main: { memory: LOW.memory + main, table: LOW.table + TABLE_MAIN },
    high: { memory: LOW.memory + high, table: LOW.table + TABLE_HIGH },
  };
}
