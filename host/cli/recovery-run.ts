// `isolab recovery` in the terminal: machines of Node, progress while it runs, the table or the JSON at its end.

import { measureRecovery, type RecoveryCause } from '../lab/recovery.ts';
import { renderRecovery } from '../lab/recovery-table.ts';
import type { Placement } from '../machine/types.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine, type Screen } from './live-line.ts';
import { nodeLab } from './machines.ts';

export interface RecoveryRunOptions {
  placements: readonly Placement[];
  causes: readonly RecoveryCause[];
  count: number;
  json: boolean;
}

/** Prints the result. Throws a Failure, after printing, when a fault was not recovered from. */
export async function runRecovery(options: RecoveryRunOptions, io: Io, screen: Screen): Promise<void> {
  const { placements, causes, count, json } = options;
  const lab = await nodeLab();
  const line = new LiveLine(io, screen);
  try {
    const report = await measureRecovery({
      ...{ boot: lab.boot, drivers: lab.drivers, images: lab.images, resources: lab.resources },
      ...{ environment: lab.environment, placements, causes, count, signal: io.signal },
      progress: (text) => line.show(text),
    });
    line.clear();
    io.out(json ? `${JSON.stringify(report, null, 2)}\n` : renderRecovery(report));
    const lost = report.rows.reduce((sum, row) => sum + row.lost, 0);
    if (lost > 0) throw new Failure(`${lost} faults were not recovered from in time`);
  } finally {
    line.clear();
    await lab.close();
  }
}
