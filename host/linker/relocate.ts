// From three builds to proven relocations, or to the reasons why there are none.

import type { Bases } from './bases.ts';
import type { Build } from './compile.ts';
import { compare, compareBodies, sameShape, type Comparison, type Difference } from './differ.ts';
import { distinct, Places } from './places.ts';
import { firstDifference, relocated } from './proof.ts';
import { LinkError } from './refusal.ts';
import { readSections, type Sections } from './sections.ts';

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

/** Builds of different shape: the functions that have the same name and differ otherwise are the reason. */
function shapeDifferences(
  main: Sections,
  places: Places,
  other: Sections,
  otherMap: string,
  bases: Bases,
): Difference[] {
  const otherPlaces = new Places(other, otherMap);
  const byName = new Map(other.bodies.map((body, index) => [otherPlaces.functionName(index), body]));
  const found: Comparison = { code: [], globals: new Map(), data: [], differences: [] };
  main.bodies.forEach((body, index) => {
    const twin = byName.get(places.functionName(index));
    if (twin) compareBodies(main, body, other, twin, { a: bases.main, b: bases.low }, found, true);
    else found.differences.push({ reason: ELSEWHERE, at: body.start });
  });
  return found.differences.length ? found.differences : [{ reason: ELSEWHERE, at: null }];
}

function sameRelocations(a: Comparison, b: Comparison): boolean {
  return (
    JSON.stringify([a.code, [...a.globals], a.data]) === JSON.stringify([b.code, [...b.globals], b.data])
  );
}

/** Finds the relocations of the main build and proves them by the other two. Throws LinkError. */
export function relocate({ low, main, high }: Builds, bases: Bases): Relocated {
  const [lowSections, mainSections, highSections] = [low, main, high].map((build) =>
    readSections(build.bytes),
  ) as [Sections, Sections, Sections];
  const places = new Places(mainSections, main.map);
  const refuse = (differences: readonly Difference[]): never => {
    throw new LinkError(distinct(differences.map(({ reason, at }) => places.refuse(reason, at))));
  };
  if (!sameShape(mainSections, lowSections)) {
    refuse(shapeDifferences(mainSections, places, lowSections, low.map, bases));
  }
  if (!sameShape(mainSections, highSections)) {
    refuse(shapeDifferences(mainSections, places, highSections, high.map, { ...bases, low: bases.high }));
  }
  const found = compare(mainSections, lowSections, { a: bases.main, b: bases.low });
  const again = compare(mainSections, highSections, { a: bases.main, b: bases.high });
  const differences = [...found.differences, ...again.differences];
  if (differences.length) refuse(differences);
  if (!sameRelocations(found, again)) refuse([{ reason: ELSEWHERE, at: null }]);
  const at = firstDifference(relocated(mainSections, found, bases.main, bases.high), high.bytes);
  if (at >= 0) refuse([{ reason: `the relocations do not give the third build, at byte ${at}`, at }]);
  return { main: mainSections, found, places };
}
