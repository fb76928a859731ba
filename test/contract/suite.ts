// The contract: what a machine does for its clients, whatever the placement of its drivers and whatever it runs on. One
// suite; the files beside this one hold its parts, differences.ts what the placements do not have in common.

import { describe } from 'vitest';
import { LONG } from '../long.ts';
import type { Bench } from '../support/machine.ts';
import { cModules } from './c-modules.ts';
import { calls } from './calls.ts';
import { clients } from './clients.ts';
import { demand } from './demand.ts';
import { failureTable } from './failure-table.ts';
import { files } from './files.ts';
import { log } from './log.ts';
import { names } from './names.ts';
import { parameters } from './parameters.ts';
import { sysfs } from './sysfs.ts';
import { sysctl } from './sysctl.ts';
import { store } from './store.ts';
import { taints } from './taints.ts';
import { timers } from './timers.ts';
import { tree } from './tree.ts';
import { modules } from './modules.ts';

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
