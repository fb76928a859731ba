// A record of the trace as a line.

import * as errno from '../../../kernel/abi/errno.ts';
import { stamp } from './dmesg.ts';
import { nanoseconds } from './nanoseconds.ts';
import type { TraceRecord } from '../shared/types.ts';

/** `EIO` for 5. */
const NAMES = new Map(
  Object.entries(errno)
    .filter(([name]) => /^E[A-Z0-9]+$/.test(name) && name !== 'EWOULDBLOCK')
    .map(([name, number]) => [number, name]),
);

/**
 * `[    0.012345] client 1 -> ramdisk/1 read = 64 (3.20 µs)`: the driver with its generation on the channel; `~` before a time that
 * is the cached clock's.
 */
export function traceText(record: TraceRecord): string {
  const { caller, driver, generation, operation, status, startNs, endNs, exact } = record;
  const result = status < 0 ? (NAMES.get(-status) ?? String(status)) : String(status);
  const time = `${exact ? '' : '~'}${nanoseconds(endNs - startNs)}`;
  return `${stamp(startNs / 1e9)} ${caller} -> ${driver}/${generation} ${operation} = ${result} (${time})`;
}
