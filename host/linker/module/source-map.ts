// Source maps over byte offsets: a map's only line is the file, its columns are positions in it.
//
// The linker moves code after asc wrote its map; composing the two keeps every offset of the final file leading to the
// source. A position between two functions leads nowhere, so that no function inherits its neighbour's last line.

import { decodedMappings, encodedMap, presortedDecodedMap, TraceMap } from '@jridgewell/trace-mapping';
import type { Mark } from '../build/rewrite.ts';
import type { Span } from '../wasm/sections.ts';

type Segment = [number] | [number, number, number, number] | [number, number, number, number, number];

/** How the paths of asc's own library begin. */
export const LIBRARY = '~lib/';

/** A source position; lines and columns count from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** asc's map for the file that the linker wrote: `marks` say where code went, `bodies` where the new functions lie. */
export function composeMap(json: string, marks: readonly Mark[], bodies: readonly Span[]): string {
  const source = new TraceMap(json);
  const moved: Segment[] = [];
  let mark = 0;
  let body = 0;
  const closeBodies = (before: number): void => {
    for (; body < bodies.length && bodies[body]!.end <= before; body++) moved.push([bodies[body]!.end]);
  };
  for (const segment of (decodedMappings(source)[0] ?? []) as Segment[]) {
    const from = segment[0];
    while (mark + 1 < marks.length && marks[mark + 1]!.from <= from) mark++;
    const base = marks[mark];
    if (!base || base.from > from) continue;
    const to = base.to + from - base.from;
    closeBodies(to);
    moved.push(segment.length === 1 ? [to] : [to, ...(segment.slice(1) as [number, number, number])]);
  }
  closeBodies(Infinity);
  return JSON.stringify(
    encodedMap(
      presortedDecodedMap({
        version: 3,
        sources: source.sources,
        sourcesContent: source.sourcesContent ?? [],
        names: [],
        mappings: [moved],
      }),
    ),
  );
}

/** Looks positions up in a map. */
export class PlaceMap {
  private readonly segments: readonly Segment[];
  private readonly sources: readonly (string | null)[];

  /** Throws SyntaxError or TypeError where the text is no source map. */
  constructor(json: string) {
    const map = new TraceMap(json);
    this.segments = decodedMappings(map)[0] ?? [];
    this.sources = map.sources;
  }

  /** Index of the last segment at or before a position, -1 where there is none. */
  private before(position: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle]![0] <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private place(index: number): Place | null {
    const segment = this.segments[index];
    if (!segment || segment.length === 1) return null;
    const file = this.sources[segment[1]];
    return file ? { file, line: segment[2] + 1, column: segment[3] + 1 } : null;
  }

  /** The place of the instruction at a position, in a function that lies in `within`. */
  at(position: number, within: Span): Place | null {
    const index = this.before(position);
    return index >= 0 && this.segments[index]![0] >= within.start ? this.place(index) : null;
  }

  /** The nearest place at or before a position, else behind it, that `wanted` takes, in the same function. */
  near(position: number, within: Span, wanted: (place: Place) => boolean): Place | null {
    const from = this.before(position);
    for (let index = from; index >= 0 && this.segments[index]![0] >= within.start; index--) {
      const place = this.place(index);
      if (place && wanted(place)) return place;
    }
    for (
      let index = from + 1;
      index < this.segments.length && this.segments[index]![0] < within.end;
      index++
    ) {
      const place = this.place(index);
      if (place && wanted(place)) return place;
    }
    return null;
  }
}
