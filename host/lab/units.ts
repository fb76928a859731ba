// Numbers as people read them: three digits, and the unit that fits.

/** 12.3 ns, 1.23 µs, 45.6 ms */
export function nanoseconds(ns: number): string {
  if (ns < 999.5) return `${digits(ns)} ns`;
  if (ns < 999_500) return `${digits(ns / 1e3)} µs`;
  return ns < 999_500_000 ? `${digits(ns / 1e6)} ms` : `${digits(ns / 1e9)} s`;
}

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

function digits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
