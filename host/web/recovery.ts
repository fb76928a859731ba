// The recovery's page. Its address says what is measured: ?count=20&placement=microkernel&cause=trap

import { ISOLATING } from '../lab/isolating.ts';
import { CAUSES, measureRecovery } from '../lab/recovery.ts';
import { renderRecovery } from '../lab/recovery-table.ts';
import type { Placement } from '../machine/types.ts';
import { browserLab } from './lab.ts';
import { measuringPage, number } from './measuring.ts';
import { hasThreads } from './requirements.ts';

/** Those of all that the address names; all where it names none. */
function chosen<T extends string>(query: URLSearchParams, name: string, all: readonly T[]): readonly T[] {
  const asked = new Set<string>(query.getAll(name));
  return asked.size === 0 ? all : all.filter((each) => asked.has(each));
}

measuringPage(async (query, show) => {
  if (!hasThreads) throw new Error('a client in a thread of its own needs cross-origin isolation');
  const { boot, drivers, images, resources, environment } = await browserLab();
  const placements: Placement[] = [...ISOLATING, 'monolithic'];
  return measureRecovery({
    ...{ boot, drivers, images, resources, environment, progress: show },
    placements: chosen(query, 'placement', placements),
    causes: chosen(query, 'cause', CAUSES),
    count: number(query, 'count') ?? 20,
  });
}, renderRecovery);
