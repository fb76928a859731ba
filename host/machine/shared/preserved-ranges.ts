// The ranges of the data store in a living driver's memory, copied by its own thread for a successor.

import { ST_TAG_CHANNELS } from '../../../kernel/abi/store.ts';
import type { DriverStart } from './protocol.ts';
import { readRanges } from './store-entries.ts';
import type { PreviousMemory } from '../../ipc/driver-side.ts';

/** The tag by which the store names an incarnation (ST_TAG_CHANNELS). */
export const tagOf = ({ channel, generation }: { channel: number; generation: number }): number =>
  (generation * ST_TAG_CHANNELS + channel + 1) >>> 0;

/** Copies all ranges of a living driver and what lies between them; null where it has none. To be called on its own thread. */
export function preserveRanges(start: DriverStart): PreviousMemory | null {
  const ranges = readRanges(start.kernel, start.loaded.name);
  if (!ranges) return null;
  const source = new Uint8Array(start.memory.buffer).subarray(ranges.from, ranges.to);
  const bytes = new Uint8Array(new SharedArrayBuffer(source.length));
  bytes.set(source);
  return { bytes, from: ranges.from, incarnation: tagOf(start) };
}
