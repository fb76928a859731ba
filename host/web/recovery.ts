// The recovery's page. Its address says what is measured: ?count=20&placement=microkernel&cause=trap

import { CAUSES, measureRecovery, RECOVERING } from '../lab/recovery/recovery.ts';
import { renderRecovery } from '../lab/recovery/recovery-table.ts';
import { browserLab } from './lab.ts';
import { measuringPage, number } from './measuring.ts';
import { findUnshared, namesOf } from './requirements.ts';

/** Those of all that the address names; all where it names none. */
function chosen<T extends string>(query: URLSearchParams, name: string, all: readonly T[]): readonly T[] {
  const asked = new Set<string>(query.getAll(name));
  return asked.size === 0 ? all : all.filter((each) => asked.has(each));
}

measuringPage(async (query, show, signal) => {
  const unshared = await findUnshared();
  if (unshared.length > 0)
    throw new Error(`a client needs a thread of its own, for which this page lacks ${namesOf(unshared)}`);
  const { boot, drivers, images, environment } = await browserLab();
  return measureRecovery({
    ...{ boot, drivers, images, environment, progress: show, onProblem: show, signal },
    placements: chosen(query, 'placement', RECOVERING),
    causes: chosen(query, 'cause', CAUSES),
    count: number(query, 'count') ?? 20,
    standby: query.get('standby') !== '0',
  });
}, renderRecovery);
