// Says where in the sources a position of a build is: every refusal about code goes through here.

import type { Build } from './compile.ts';
import { readNames, shortName, type Names } from '../wasm/names.ts';
import type { Refusal } from './refusal.ts';
import { importedCount, type Sections } from '../wasm/sections.ts';
import { LIBRARY, PlaceMap } from '../module/source-map.ts';

export class Places {
  readonly names: Names;
  private readonly sections: Sections;
  private readonly map: PlaceMap;
  private readonly imported: number;

  private readonly declarationOf: Build['declarationOf'];

  constructor(sections: Sections, { map, declarationOf }: Pick<Build, 'map' | 'declarationOf'>) {
    this.sections = sections;
    this.map = new PlaceMap(map);
    this.declarationOf = declarationOf;
    const section = sections.custom.find(({ name }) => name === 'name');
    this.names = section
      ? readNames(sections.bytes, section.start, section.end)
      : { module: '', functions: new Map(), globals: new Map() };
    this.imported = importedCount(sections, 'function');
  }

  /** Full name of the own function `index`. */
  functionName(index: number): string {
    return this.names.functions.get(this.imported + index) ?? `function ${this.imported + index}`;
  }

  /** A refusal of what stands at a position, with the nearest line of the author's own files, else the function's. */
  refuse(reason: string, at: number | null): Refusal {
    const index =
      at === null ? -1 : this.sections.bodies.findIndex(({ start, end }) => at >= start && at < end);
    if (at === null || index < 0) return { reason };
    const name = this.functionName(index);
    const place =
      this.map.near(at, this.sections.bodies[index]!, ({ file }) => !file.startsWith(LIBRARY)) ??
      this.declarationOf(name);
    return { reason, function: shortName(name), ...place };
  }

  /** A refusal of a whole function, by its full name or by its own. */
  refuseFunction(reason: string, name: string): Refusal {
    return { reason, function: shortName(name), ...this.declarationOf(name) };
  }
}

/** Refusals without those that say the same of the same line. */
export function distinct(refusals: readonly Refusal[]): Refusal[] {
  const seen = new Map<string, Refusal>();
  for (const refusal of refusals) {
    const key = `${refusal.reason}\n${refusal.file}:${refusal.line}`;
    if (!seen.has(key)) seen.set(key, refusal);
  }
  return [...seen.values()];
}
