// Slots of the function table: runs, first fit over a byte map. The kernel decides which slots are whose; the host sets
// and clears them.

import { MACHINE_BASE, TABLE_SIZE } from '../abi/map';
import { M_TABLE_MAP, M_SLOTS_FREE } from '../abi/machine';

const map = memory.data(TABLE_SIZE);

/** Slots below `first` belong to the image itself. */
export function slots_init(first: i32): void {
  memory.fill(map, 1, first);
  store<u32>(MACHINE_BASE, <u32>map, M_TABLE_MAP);
  store<u32>(MACHINE_BASE, TABLE_SIZE - first, M_SLOTS_FREE);
}

/** @returns the first of `count` free slots in a row, or 0 */
export function alloc_slots(count: i32): i32 {
  if (count <= 0 || count >= TABLE_SIZE) return 0;
  let run = 0;
  for (let slot = 1; slot < TABLE_SIZE; slot++) {
    run = load<u8>(map + slot) ? 0 : run + 1;
    if (run < count) continue;
    const first = slot - count + 1;
    memory.fill(map + first, 1, count);
    store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_SLOTS_FREE) - count, M_SLOTS_FREE);
    return first;
  }
  return 0;
}

export function free_slots(first: i32, count: i32): void {
  if (!first) return;
  memory.fill(map + first, 0, count);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_SLOTS_FREE) + count, M_SLOTS_FREE);
}
