// From an offset in a module's file back to function, file and line.
//
// Offsets are what V8 prints in `wasm-function[19]:0x772`: positions in the bytes that were compiled, which are the file's
// but for a module that had to be adjusted (./adjust.ts): `fileOffset` comes first there. Names are short
// (`ramdisk_write`, not `drivers/ramdisk/ramdisk_write`) and clean: they may be shown. A file without names or without a
// map still answers, with numbers.

import { fileOffset, type Shift } from './adjust.ts';
import { readNames, shortName } from '../wasm/names.ts';
import { importedCount, readSections } from '../wasm/sections.ts';
import { LIBRARY, PlaceMap, type Place } from './source-map.ts';

export type { Place } from './source-map.ts';

export interface ModuleFunction {
  /** Among all functions, imported ones included. */
  index: number;
  name: string;
  /** Where its body lies in the file. Imported functions have none: both are 0. */
  start: number;
  length: number;
}

export class ModuleSymbols {
  /** Own functions, in the file's order. */
  readonly functions: readonly ModuleFunction[];
  private readonly imported: readonly ModuleFunction[];
  private readonly places: PlaceMap | null;
  private readonly shifts: readonly Shift[];

  /**
   * @param shifts where what was compiled is not the file byte for byte
   * @throws BadModule where the bytes are no module. A map that cannot be read is as good as none.
   */
  constructor(bytes: Uint8Array, map?: string | null, shifts: readonly Shift[] = []) {
    this.shifts = shifts;
    const sections = readSections(bytes);
    const section = sections.custom.find(({ name }) => name === 'name');
    const names = section
      ? readNames(bytes, section.start, section.end).functions
      : new Map<number, string>();
    const nameOf = (index: number): string => shortName(names.get(index) ?? `function${index}`);
    const imported = importedCount(sections, 'function');
    this.imported = sections.imports
      .filter((entry) => entry.kind === 'function')
      .map(({ name }, index) => ({ index, name: shortName(names.get(index) ?? name), start: 0, length: 0 }));
    this.functions = sections.bodies.map(({ start, end }, own) => {
      const index = imported + own;
      return { index, name: nameOf(index), start, length: end - start };
    });
    this.places = map ? readableMap(map) : null;
  }

  /** Where an offset that an engine has told lies in the file. */
  fileOffset(compiled: number): number {
    return fileOffset(this.shifts, compiled);
  }

  functionByIndex(index: number): ModuleFunction | null {
    return this.imported[index] ?? this.functions[index - this.imported.length] ?? null;
  }

  /** The function whose body holds a byte of the file. */
  functionAt(offset: number): ModuleFunction | null {
    let low = 0;
    let high = this.functions.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const candidate = this.functions[middle]!;
      if (offset < candidate.start) high = middle - 1;
      else if (offset >= candidate.start + candidate.length) low = middle + 1;
      else return candidate;
    }
    return null;
  }

  /**
   * The source position of the instruction at an offset. Where a piece of asc's library or of the kernel API was inlined, it is
   * the line that used it: the nearest one of the function's own sources.
   */
  locate(offset: number): Place | null {
    const within = this.functionAt(offset);
    if (!within || !this.places) return null;
    const span = { start: within.start, end: within.start + within.length };
    const exact = this.places.at(offset, span);
    if (exact && !isLibrary(exact)) return exact;
    return this.places.near(offset, span, (place) => !isLibrary(place)) ?? exact;
  }

  /** `ramdisk_write+0x1c/0x80`: function, offset in it, its length. */
  describe(offset: number): string {
    const found = this.functionAt(offset);
    if (!found) return `0x${offset.toString(16)}`;
    return `${found.name}+0x${(offset - found.start).toString(16)}/0x${found.length.toString(16)}`;
  }
}

function readableMap(json: string): PlaceMap | null {
  try {
    return new PlaceMap(json);
  } catch (error) {
    // a map lies beside the module and may be anything; without one, offsets still have names
    if (error instanceof Error) return null;
    throw error;
  }
}

/** The kernel API's sources (drivers/include): a driver's line says more than that of a wrapper inlined there. */
const API = 'drivers/include/';

function isLibrary({ file }: Place): boolean {
  return file.startsWith(LIBRARY) || file.startsWith(API);
}
