// From three builds to proven relocations, or to the reasons why there are none.

import type { Base, Bases } from './bases.ts';
import type { Build } from './compile.ts';
import { compare, compareBodies, sameShape, type Comparison, type Difference } from './differ.ts';
import { distinct, Places } from './places.ts';
import { firstDifference, relocated } from './proof.ts';
import { LinkError, type Refusal } from './refusal.ts';
import { importedCount, readSections, type Sections } from '../wasm/sections.ts';

export interface Relocated {
  main: Sections;
  found: Comparison;
  places: Places;
}

export interface Builds {
  low: Build;
  main: Build;
  high: Build;
}

const ELSEWHERE = 'the module comes out differently elsewhere: its code depends on an address';

interface Side {
  sections: Sections;
  places: Places;
  base: Base;
}

/** A build's exported functions: their own indices by the names of the exports. */
function exportedFunctions({ sections }: Side): Map<string, number> {
  const imported = importedCount(sections, 'function');
  const functions = sections.exports.filter((entry) => entry.kind === 'function' && entry.index >= imported);
  return new Map(functions.map(({ name, index }) => [name, index - imported]));
}

/**
 * Why builds with differently numbered functions differ. asc merges functions that come out equal, so a function may be
 * missing in one build, or be exported under several names: it is looked for by its name, then by its exports.
 */
class ShapeDifference {
  readonly differing: Refusal[] = [];
  readonly missing: Refusal[] = [];

  constructor(one: Side, other: Side) {
    this.functions(one, other);
    this.functions(other, one);
    this.exports(one, other);
  }

  /** What differs between two bodies, as seen from the first. */
  private differences(from: Side, index: number, to: Side, twin: number): Difference[] {
    const found: Comparison = { code: [], globals: new Map(), data: [], differences: [] };
    const [left, right] = [from.sections.bodies[index]!, to.sections.bodies[twin]!];
    compareBodies(from.sections, left, to.sections, right, { a: from.base, b: to.base }, found, true);
    return found.differences;
  }

  private functions(from: Side, to: Side): void {
    const twins = new Map(to.sections.bodies.map((_, index) => [to.places.functionName(index), index]));
    const there = exportedFunctions(to);
    const exported = new Map([...exportedFunctions(from)].map(([name, index]) => [index, there.get(name)]));
    from.sections.bodies.forEach((body, index) => {
      const twin = twins.get(from.places.functionName(index)) ?? exported.get(index);
      if (twin === undefined) this.missing.push(from.places.refuse(ELSEWHERE, body.start));
      else {
        for (const { reason, at } of this.differences(from, index, to, twin)) {
          this.differing.push(from.places.refuse(reason, at));
        }
      }
    });
  }

  /** Exports that are another function in each build, because asc merged them with different ones. */
  private exports(one: Side, other: Side): void {
    const there = exportedFunctions(other);
    for (const [name, index] of exportedFunctions(one)) {
      const twin = there.get(name);
      if (twin === undefined || one.places.functionName(index) === other.places.functionName(twin)) continue;
      const [difference] = this.differences(one, index, other, twin);
      if (difference) this.differing.push(one.places.refuseFunction(difference.reason, name));
    }
  }
}

/** Functions that differ are the reason, else functions that only one build has. */
function refuseShape(one: Side, other: Side): never {
  const { differing, missing } = new ShapeDifference(one, other);
  const refusals = differing.length ? differing : missing;
  throw new LinkError(distinct(refusals.length ? refusals : [{ reason: ELSEWHERE }]));
}

function sameRelocations(a: Comparison, b: Comparison): boolean {
  return (
    JSON.stringify([a.code, [...a.globals], a.data]) === JSON.stringify([b.code, [...b.globals], b.data])
  );
}

function sideOf(build: Build, base: Base): Side {
  const sections = readSections(build.bytes);
  return { sections, places: new Places(sections, build), base };
}

/** Finds the relocations of the main build and proves them by the other two. Throws LinkError. */
export function relocate(builds: Builds, bases: Bases): Relocated {
  const main = sideOf(builds.main, bases.main);
  const { sections, places } = main;
  const [found, again] = (['low', 'high'] as const).map((name) => {
    const other = sideOf(builds[name], bases[name]);
    if (!sameShape(sections, other.sections)) refuseShape(main, other);
    return compare(sections, other.sections, { a: main.base, b: other.base });
  }) as [Comparison, Comparison];
  const refuse = (differences: readonly Difference[]): never => {
    throw new LinkError(distinct(differences.map(({ reason, at }) => places.refuse(reason, at))));
  };
  const differences = [...found.differences, ...again.differences];
  if (differences.length) refuse(differences);
  if (!sameRelocations(found, again)) refuse([{ reason: ELSEWHERE, at: null }]);
  const at = firstDifference(relocated(sections, found, bases.main, bases.high), builds.high.bytes);
  if (at >= 0) refuse([{ reason: `the relocations do not give the third build, at byte ${at}`, at }]);
  return { main: sections, found, places };
}
