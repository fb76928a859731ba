// Times as people read them: three digits, and the unit that fits.

/** 12.3 ns, 1.23 µs, 45.6 ms */
export function nanoseconds(ns: number): string {
  if (ns < 999.5) return `${digits(ns)} ns`;
  if (ns < 999_500) return `${digits(ns / 1e3)} µs`;
  return ns < 999_500_000 ? `${digits(ns / 1e6)} ms` : `${digits(ns / 1e9)} s`;
}

/** Three of them. */
export function digits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
