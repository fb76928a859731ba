// Counts of bytes as coreutils take them.

const UNITS: Record<string, number> = {
  '': 1,
  c: 1,
  w: 2,
  b: 512,
  k: 1024,
  K: 1024,
  KiB: 1024,
  kB: 1000,
  KB: 1000,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  MB: 1000 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  GB: 1000 ** 3,
};

/** `512`, `4K`, `0x200`; null for what is none. */
export function parseSize(text: string): number | null {
  const [, number = '', unit = ''] = /^(0x[0-9a-fA-F]+|\d+)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  const size = Number(number) * (factor ?? NaN);
  return number === '' || !Number.isSafeInteger(size) ? null : size;
}

/** Bytes for reading by people, as dd tells them: `1.5 MB`. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  const shown = unit > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${shown} ${units[unit]}`;
}
