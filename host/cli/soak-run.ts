// `isolab soak` in the terminal: machines of Node, progress while it runs, the summary at its end, also after Ctrl-C.

import { soak } from '../lab/soak/soak.ts';
import { renderSoak } from '../lab/soak/soak-table.ts';
import { DRIVERS, EXTRAS } from '../lab/load.ts';
import type { Placement } from '../machine/shared/types.ts';
import type { Io } from './io.ts';
import { LiveLine, type Screen } from './live-line.ts';
import { nodeLab } from './machines.ts';

export interface SoakRunOptions {
  placements: readonly Placement[];
  /** Of each placement. */
  seconds: number;
  seed: number;
  json: boolean;
}

/** Progress between two lines where they cannot be written over: every so many. */
const STEP = 10;

/** What this process holds beside memory: workers and their ports among it; timers come and go. */
const handles = (): number => process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length;

/** @returns the exit code */
export async function runSoak(options: SoakRunOptions, io: Io, screen: Screen): Promise<number> {
  const { placements, seconds, seed, json } = options;
  const lab = await nodeLab();
  const line = new LiveLine(io, screen);
  let told = 0;
  line.keep(`seed ${seed}`);
  try {
    const report = await soak({
      ...{ boot: lab.boot, resources: lab.resources },
      drivers: await Promise.all([...DRIVERS, ...EXTRAS].map((name) => lab.modules.load(name))),
      ...{ environment: lab.environment, placements, seconds, seed, handles },
      signal: io.signal,
      progress: (text) => {
        if (screen.isTTY || told++ % STEP === 0) line.show(text);
      },
    });
    line.clear();
    io.out(json ? `${JSON.stringify(report, null, 2)}\n` : renderSoak(report));
    return report.rows.some(({ violations }) => violations.length > 0) ? 1 : 0;
  } finally {
    line.clear();
    await lab.close();
  }
}
