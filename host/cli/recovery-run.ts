// `isolab recovery` in the terminal: machines of Node or of a Chromium, progress while it runs, the table or the JSON at its end.

import { measureRecovery, type RecoveryCause, type RecoveryReport } from '../lab/recovery/recovery.ts';
import { renderRecovery } from '../lab/recovery/recovery-table.ts';
import type { Placement } from '../machine/shared/types.ts';
import { measureInChromium } from './in-chromium.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine, type Screen } from './live-line.ts';
import { nodeLab } from './machines.ts';
import type { Runtime } from './runtime.ts';

export interface RecoveryRunOptions {
  runtime: Runtime;
  placements: readonly Placement[];
  causes: readonly RecoveryCause[];
  count: number;
  standby: boolean;
  json: boolean;
}

/** Prints the result. Throws a Failure, after printing, when a fault was not recovered from. */
export async function runRecovery(options: RecoveryRunOptions, io: Io, screen: Screen): Promise<void> {
  const inChromium = options.runtime === 'chromium';
  const report = await (inChromium ? measureThere(options, io) : measureHere(options, io, screen));
  io.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : renderRecovery(report));
  const lost = report.rows.reduce((sum, row) => sum + row.lost, 0);
  if (lost > 0) throw new Failure(`${lost} faults were not recovered from in time`);
  const missing = options.placements.length * options.causes.length - report.rows.length;
  if (missing > 0)
    throw new Failure(`${missing} of the rows have no figures: no fault was recovered from in time`);
}

async function measureThere(
  { placements, causes, count, standby }: RecoveryRunOptions,
  io: Io,
): Promise<RecoveryReport> {
  const query = new URLSearchParams({ count: String(count), standby: standby ? '1' : '0' });
  for (const placement of placements) query.append('placement', placement);
  for (const cause of causes) query.append('cause', cause);
  return (await measureInChromium('recovery.html', query, io)) as RecoveryReport;
}

async function measureHere(options: RecoveryRunOptions, io: Io, screen: Screen): Promise<RecoveryReport> {
  const { placements, causes, count, standby } = options;
  const lab = await nodeLab();
  const line = new LiveLine(io, screen);
  try {
    return await measureRecovery({
      ...{ boot: lab.boot, drivers: lab.drivers, images: lab.images },
      ...{ environment: lab.environment, placements, causes, count, standby, signal: io.signal },
      progress: (text) => line.show(text),
      onProblem: (text) => line.keep(text),
    });
  } finally {
    line.clear();
    await lab.close();
  }
}
