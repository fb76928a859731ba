// Slots of the function table: runs, first fit over a byte map. The kernel decides which slots are whose; the host sets
// and clears them. The table grows when it is full.

import { MACHINE_BASE, TABLE_MAX, TABLE_SIZE } from '../abi/map';
import { M_TABLE_MAP, M_SLOTS_FREE } from '../abi/machine';
import { kmalloc_for } from './kmalloc';

/** Makes the table `size` slots long. @returns 0, or -1 where the engine cannot */
@external("host", "grow_table")
declare function grow_table(size: i32): i32;

/** A byte for each of TABLE_MAX slots, not 0 where it is taken. */
let map: usize = 0;
let size: i32 = 0;

/** Slots below `first` belong to the image itself. */
export function slots_init(first: i32): void {
  map = kmalloc_for(0, TABLE_MAX);
  memory.fill(map, 0, TABLE_MAX);
  memory.fill(map, 1, first);
  size = TABLE_SIZE;
  store<u32>(MACHINE_BASE, <u32>map, M_TABLE_MAP);
  store<u32>(MACHINE_BASE, TABLE_MAX - first, M_SLOTS_FREE);
}

/** @returns the first of `count` free slots in a row, or 0 */
export function alloc_slots(count: i32): i32 {
  if (count <= 0 || count >= TABLE_MAX) return 0;
  let run = 0;
  for (let slot = 1; slot < TABLE_MAX; slot++) {
    run = load<u8>(map + slot) ? 0 : run + 1;
    if (run < count) continue;
    if (slot >= size && !grow(slot + 1)) return 0;
    const first = slot - count + 1;
    memory.fill(map + first, 1, count);
    store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_SLOTS_FREE) - count, M_SLOTS_FREE);
    return first;
  }
  return 0;
}

/** Doubles the table until it has `slots`. */
function grow(slots: i32): bool {
  let wanted = size;
  while (wanted < slots) wanted <<= 1;
  if (grow_table(wanted)) return false;
  size = wanted;
  return true;
}

export function free_slots(first: i32, count: i32): void {
  if (!first) return;
  memory.fill(map + first, 0, count);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_SLOTS_FREE) + count, M_SLOTS_FREE);
}
