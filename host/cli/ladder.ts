// The ladder for the terminal: in this process, or by the built page in a Chromium without a window.

import { clockStepNs } from '../lab/clock.ts';
import { ladder, type LadderOptions, type LadderReport } from '../lab/ladder/ladder.ts';
import { measureInChromium } from './in-chromium.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine } from './live-line.ts';
import { nodeLab } from './machines.ts';

/** How much is measured. */
export type Effort = Pick<LadderOptions, 'boots' | 'samples' | 'batchMs'>;

export async function runLadder(effort: Effort, io: Io): Promise<LadderReport> {
  const lab = await nodeLab();
  const line = new LiveLine(io, process.stderr);
  const driver = lab.drivers.find(({ name }) => name === 'ramdisk');
  if (!driver) throw new Failure('there is no ramdisk among the drivers');
  try {
    return await ladder(
      {
        ...effort,
        ...{ boot: lab.boot, driver, abilities: { sharedMemory: true, wait: true } },
        environment: { ...lab.environment, clockStepNs: clockStepNs(() => performance.now()) },
        signal: io.signal,
        onProblem: (text) => line.keep(text),
      },
      (text) => line.show(text),
    );
  } finally {
    line.clear();
    await lab.close();
  }
}

export async function runLadderInChromium(effort: Effort, io: Io): Promise<LadderReport> {
  const words = Object.entries(effort).map(([key, value]): [string, string] => [key, String(value)]);
  return (await measureInChromium('ladder.html', new URLSearchParams(words), io)) as LadderReport;
}
