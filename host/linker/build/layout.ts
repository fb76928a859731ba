// Where a module's globals and data lie: everything that can change lives in memory, where a reader finds it.
//
//   memory base ──▶ ┌──────────────────────────────┐
//                   │ mutable globals, by size     │  `shift` bytes, a multiple of the alignment
//                   ├──────────────────────────────┤
//                   │ asc's static data            │  every address of asc's is moved up by `shift`
//                   └──────────────────────────────┘
//
// Globals come first so that `__heap_base` still is the end of the module. Immutable globals become constants in the
// code. Only the stack pointer stays a wasm global.

import type { Base } from './bases.ts';
import type { Address, Comparison, Relocation } from './differ.ts';
import { storeConstant } from '../wasm/constant.ts';
import { ACCESS } from '../wasm/opcodes.ts';
import { importedCount, type Sections } from '../wasm/sections.ts';

export const STACK_POINTER = '__stack_pointer';

export type GlobalPlace =
  /** In memory, at an offset from the memory base. */
  | { kind: 'moved'; type: number; offset: number }
  /** An address that never changes. */
  | { kind: 'address'; address: Address }
  /** Any other number that never changes: its constant expression in asc's file. */
  | { kind: 'constant'; type: number; start: number; end: number }
  /** Still a global: imported ones under their index, own ones by their place among the kept. */
  | { kind: 'imported'; index: number }
  | { kind: 'kept'; place: number; type: number; start: number; end: number };

export interface Layout {
  /** By asc's index of the global, imported ones included. */
  globals: GlobalPlace[];
  /** Bytes that asc's data is moved up by. */
  shift: number;
  /** Bytes from the memory base, with trailing zeros. */
  size: number;
  /** The image without trailing zeros. */
  image: Uint8Array;
  /** Words that hold addresses; `at` is from the memory base, memory offsets too. */
  pointers: Relocation[];
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

function placeGlobals(
  main: Sections,
  found: Comparison,
  keep: ReadonlySet<number>,
): { globals: GlobalPlace[]; end: number } {
  const imported = importedCount(main, 'global');
  const globals: GlobalPlace[] = [];
  for (let index = 0; index < imported; index++) globals.push({ kind: 'imported', index });
  let kept = 0;
  main.globals.forEach(({ type, mutable, init }, index) => {
    const { start, end } = init;
    const address = found.globals.get(index);
    if (keep.has(index)) globals.push({ kind: 'kept', place: kept++, type, start, end });
    else if (mutable) globals.push({ kind: 'moved', type, offset: 0 });
    else globals.push(address ? { kind: 'address', address } : { kind: 'constant', type, start, end });
  });
  // the largest first, so that no gap is needed
  let end = 0;
  for (const size of [16, 8, 4]) {
    for (const place of globals) {
      if (place.kind !== 'moved' || ACCESS.get(place.type)!.size !== size) continue;
      place.offset = end;
      end += size;
    }
  }
  return { globals, end };
}

/** Lays out a build. `keep` holds the own indices of globals that stay globals. */
export function layOut(
  main: Sections,
  found: Comparison,
  base: Base,
  alignment: number,
  keep: ReadonlySet<number>,
): Layout {
  const { globals, end } = placeGlobals(main, found, keep);
  const shift = alignUp(end, alignment);
  let size = shift || end;
  for (const { offset, start, end: stop } of main.data) {
    size = Math.max(size, shift + offset!.value - base.memory + (stop - start));
  }
  size = alignUp(size, 16);
  const image = new Uint8Array(size);
  for (const { offset, start, end: stop } of main.data) {
    image.set(main.bytes.subarray(start, stop), shift + offset!.value - base.memory);
  }

  const pointers: Relocation[] = [];
  const moveUp = (address: Address): Address =>
    address.space === 'memory' ? { space: 'memory', offset: address.offset + shift } : address;
  const imported = globals.length - main.globals.length;
  main.globals.forEach((global, index) => {
    const place = globals[imported + index]!;
    if (place.kind === 'address') place.address = moveUp(place.address);
    if (place.kind !== 'moved') return;
    const address = found.globals.get(index);
    if (address) pointers.push({ ...moveUp(address), at: place.offset });
    else storeConstant(image, place.offset, main.bytes.subarray(global.init.start, global.init.end));
  });
  for (const relocation of found.data) {
    const segment = main.data.find((one) => relocation.at >= one.start && relocation.at < one.end)!;
    const at = shift + segment.offset!.value - base.memory + relocation.at - segment.start;
    image.fill(0, at, at + 4);
    pointers.push({ ...moveUp(relocation), at });
  }
  let used = size;
  while (used > 0 && image[used - 1] === 0) used--;
  return { globals, shift, size, image: image.subarray(0, used), pointers };
}
