import type { Command } from '../command.ts';
import { Complaint, UsageError } from '../errors.ts';

/** Bytes of a unit that /proc/meminfo counts in. */
const KIB = 1024;

export const free: Command = {
  name: 'free',
  summary: "Tells how much of the kernel's memory is in use",
  usage: '[-b|-k|-m|-h]',
  details:
    "From /proc/meminfo. In the microkernel the memory of a driver is not the kernel's, and not counted.",
  options: { 'b,bytes': 'in bytes', 'k,kibi': 'in KiB', 'm,mebi': 'in MiB', 'h,human': 'in what fits' },
  completes: 'nothing',
  async run({ options, operands, files, print }) {
    if (operands[0] !== undefined) throw new UsageError(`unexpected argument '${operands[0]}'`);
    const info = meminfo(await files.text('/proc/meminfo'));
    const unit = (['bytes', 'mebi', 'human'] as const).find((name) => options.has(name)) ?? 'kibi';
    await print(table(info, unit));
  },
};

type Unit = 'bytes' | 'kibi' | 'mebi' | 'human';

/** What /proc/meminfo may tell besides. */
const MORE = [
  ['slab', 'Slab'],
  ['vmalloc', 'VmallocUsed'],
  ['available', 'MemAvailable'],
] as const;

/** The table of procps's free, with the columns that this kernel knows. */
export function table(info: ReadonlyMap<string, number>, unit: Unit): string {
  const [total, left] = [field(info, 'MemTotal'), field(info, 'MemFree')];
  const columns: [name: string, bytes: number][] = [
    ['total', total],
    ['used', total - left],
    ['free', left],
  ];
  for (const [name, key] of MORE) {
    const bytes = info.get(key);
    if (bytes !== undefined) columns.push([name, bytes]);
  }
  const head = columns.map(([name]) => name.padStart(12)).join('');
  const row = columns.map(([, bytes]) => shown(bytes, unit).padStart(12)).join('');
  return `${' '.repeat(8)}${head}\nMem:    ${row}\n`;
}

function shown(bytes: number, unit: Unit): string {
  if (unit === 'human') return human(bytes);
  return String(Math.floor(bytes / { bytes: 1, kibi: KIB, mebi: KIB * KIB }[unit]));
}

/** `MemTotal:       32768 kB`: bytes by their names. */
export function meminfo(text: string): Map<string, number> {
  return new Map(
    [...text.matchAll(/^([\w()]+):\s+(\d+)( kB)?$/gm)].map(([, name = '', count, unit]) => [
      name,
      Number(count) * (unit === undefined ? 1 : KIB),
    ]),
  );
}

function field(info: ReadonlyMap<string, number>, name: string): number {
  const bytes = info.get(name);
  if (bytes === undefined) throw new Complaint(`/proc/meminfo does not tell ${name}`);
  return bytes;
}

/** `1.4Mi`, as free -h. */
function human(bytes: number): string {
  const units = ['B', 'Ki', 'Mi', 'Gi'];
  let [value, unit] = [bytes, 0];
  while (value >= KIB && unit < units.length - 1) [value, unit] = [value / KIB, unit + 1];
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}
