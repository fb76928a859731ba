// The log as dmesg prints it: a time since boot in front of each record, and the levels by name. Pure text: where the records
// come from (a living kernel's memory, a dead one's) is others' business (./lists.ts).

import type { LogRecord, LogView } from '../shared/types.ts';

/** Names of the levels 0–7, as dmesg has them. */
export const LEVEL_NAMES = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'] as const;

/** The level of a name or a digit: 3 for `err` and for `3`; null for anything else. */
export function levelNamed(text: string): number | null {
  const level = /^[0-7]$/.test(text) ? Number(text) : LEVEL_NAMES.findIndex((name) => name === text);
  return level < 0 ? null : level;
}

export interface DmesgOptions {
  /** Only records of these levels (`dmesg -l`). */
  levels?: ReadonlySet<number> | undefined;
  /** The level's name before each line (`dmesg -x`); there are no facilities. */
  decode?: boolean | undefined;
  /** No times (`dmesg -t`). */
  plain?: boolean | undefined;
}

/** `[    0.001234]`: seconds since boot, as the kernel prints them. */
export function stamp(seconds: number): string {
  return `[${seconds.toFixed(6).padStart(12)}]`;
}

/** One record as a line, without a newline. */
export function formatRecord({ time, level, text }: LogRecord, options: DmesgOptions = {}): string {
  const name = options.decode ? `${(LEVEL_NAMES[level] ?? 'debug').padEnd(6)}: ` : '';
  return `${name}${options.plain ? '' : `${stamp(time)} `}${text}`;
}

/** The lines of dmesg, in the order in which they were written. */
export function dmesgLines(log: LogView, options: DmesgOptions = {}): string[] {
  return log.records
    .filter(({ level }) => options.levels?.has(level) ?? true)
    .map((record) => formatRecord(record, options));
}
