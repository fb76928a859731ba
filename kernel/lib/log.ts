// The log ring: fixed records with a checksum each (abi/log.ts). Written by the kernel's thread only; read by anybody,
// also after the kernel's death.

import { LOG_BASE, MACHINE_BASE } from '../abi/map';
import { M_LOG_NEXT } from '../abi/machine';
import {
  LOG_RECORDS,
  LOG_RECORD_SIZE,
  LOG_SECONDS,
  LOG_MICROSECONDS,
  LOG_LEVEL,
  LOG_CHECKSUM,
  LOG_TEXT,
  LOG_TEXT_MAX,
  FNV_OFFSET,
} from '../abi/log';
import { fnv } from './text';
import { now } from './host';

let epoch: f64 = 0;

export function log_init(): void {
  epoch = now();
}

/** When this kernel booted, by the host's clock in ms. */
export function log_epoch(): f64 {
  return epoch;
}

/** Writes one record; a longer text is cut at LOG_TEXT_MAX bytes. */
export function log_write(level: i32, text: usize, length: i32): void {
  if (length > LOG_TEXT_MAX) length = LOG_TEXT_MAX;
  const sequence = load<u32>(MACHINE_BASE, M_LOG_NEXT) + 1;
  const record = LOG_BASE + ((sequence - 1) % LOG_RECORDS) * LOG_RECORD_SIZE;
  const time = (now() - epoch) / 1000;
  store<u32>(record, 0, LOG_CHECKSUM);
  store<u32>(record, sequence);
  store<u32>(record, <u32>time, LOG_SECONDS);
  store<u32>(record, <u32>((time - Math.floor(time)) * 1e6), LOG_MICROSECONDS);
  store<u32>(record, (level & 7) | (length << 8), LOG_LEVEL);
  memory.copy(record + LOG_TEXT, text, length);
  store<u32>(record, fnv(fnv(FNV_OFFSET, record, LOG_CHECKSUM), record + LOG_TEXT, length), LOG_CHECKSUM);
  store<u32>(MACHINE_BASE, sequence, M_LOG_NEXT);
}
