// The shells of the page: one for each machine that the page shows, whichever stands there when a command runs.

import type { Lab } from '../lab/load.ts';
import type { PerSide } from '../lab/compare/report.ts';
import { MachineDied } from '../machine/shared/control.ts';
import type { Machine } from '../machine/shared/types.ts';
import { KnownModules } from '../shell/modules.ts';
import { Shell } from '../shell/shell.ts';
import type { Station } from './bench.ts';

export function shellsOf(stations: PerSide<Station>, lab: Lab): PerSide<Shell> {
  const modules = new KnownModules(lab.modules, lab.images.kernel.file.symbols);
  const shell = (station: Station): Shell =>
    new Shell({
      modules,
      get machine(): Machine {
        if (station.machine === null) throw new MachineDied('no machine is booted');
        return station.machine;
      },
    });
  return { monolithic: shell(stations.monolithic), microkernel: shell(stations.microkernel) };
}
