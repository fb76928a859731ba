// Numbers as people read them: three digits, and the unit that fits.

import { digits } from '../machine/inspect/nanoseconds.ts';

export { nanoseconds } from '../machine/inspect/nanoseconds.ts';

/** 0.31 ms, 12.3 ms, 2.00 s */
export function milliseconds(ms: number): string {
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  return ms < 999.5 ? `${digits(ms)} ms` : `${digits(ms / 1e3)} s`;
}

/** 2.9×, 31×, 0.84× */
export function times(ratio: number): string {
  if (ratio >= 9.95) return `${Math.round(ratio)}×`;
  return ratio >= 0.995 ? `${ratio.toFixed(1)}×` : `${ratio.toFixed(2)}×`;
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
