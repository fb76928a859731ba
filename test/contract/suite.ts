// The contract: what a machine does for its clients, whatever the placement of its drivers and whatever it runs on. One
// suite; the files beside this one hold its parts, differences.ts what the placements do not have in common.

import { describe } from 'vitest';
import { LONG } from '../long.ts';
import type { Bench } from '../support/machine.ts';
import { cModules } from './parts/c-modules.ts';
import { calls } from './parts/calls.ts';
import { clients } from './parts/clients.ts';
import { demand } from './parts/demand.ts';
import { failureTable } from './parts/failure-table.ts';
import { files } from './parts/files.ts';
import { log } from './parts/log.ts';
import { names } from './parts/names.ts';
import { parameters } from './parts/parameters.ts';
import { sysfs } from './parts/sysfs.ts';
import { sysctl } from './parts/sysctl.ts';
import { store } from './parts/store.ts';
import { taints } from './parts/taints.ts';
import { timers } from './parts/timers.ts';
import { tree } from './parts/tree.ts';
import { modules } from './parts/modules.ts';

/** @param whole also what does not depend on where drivers live, or on what runs the machine */
export function contract(bench: Bench, whole = true): void {
  describe(bench.name, () => {
    files(bench);
    timers(bench);
    sysfs(bench);
    modules(bench);
    calls(bench);
    store(bench);
    log(bench);
    names(bench);
    clients(bench);
    if (!whole && !LONG) return;
    tree(bench);
    sysctl(bench);
    parameters(bench);
    failureTable(bench);
    taints(bench);
    demand(bench);
    cModules(bench);
  });
}
