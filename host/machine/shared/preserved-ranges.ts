// The ranges of the data store that a living driver leaves in its memory, as its own thread copies them.

import { ST_TAG_CHANNELS } from '../../../kernel/abi/store.ts';
import type { DriverStart } from './protocol.ts';
import { readRanges } from './store-entries.ts';
import type { PreviousMemory } from '../../ipc/driver-side.ts';

/** As the store names the incarnation that a range lies in. */
export const tagOf = ({ channel, generation }: { channel: number; generation: number }): number =>
  (generation * ST_TAG_CHANNELS + channel + 1) >>> 0;

/** Copies all ranges of a living driver, and what lies between them; null where it has none. For the thread that it lives on. */
export function preserveRanges(start: DriverStart): PreviousMemory | null {
  const ranges = readRanges(start.kernel, start.loaded.name);
  if (!ranges) return null;
  const left = new Uint8Array(start.memory.buffer).subarray(ranges.from, ranges.to);
  const bytes = new Uint8Array(new SharedArrayBuffer(left.length));
  bytes.set(left);
  return { bytes, from: ranges.from, incarnation: tagOf(start) };
}
