// The ladder's page. Its address says how much is measured: ?boots=1&samples=7&batchMs=1.5

import { batchMsFor, clockStepNs } from '../lab/clock.ts';
import { ladder } from '../lab/ladder/ladder.ts';
import { renderLadder } from '../lab/ladder/ladder-table.ts';
import { browserLab } from './lab.ts';
import { measuringPage, number } from './measuring.ts';
import { findUnshared, hasThreads, namesOf, type Missing } from './requirements.ts';

/** What keeps this page from the rungs that lead to a thread. */
let unshared: Missing[] = [];

const why = (): string => (unshared.length === 0 ? '' : `\nThis page lacks ${namesOf(unshared)}.\n`);

measuringPage(
  async (query, show, signal) => {
    const lab = await browserLab();
    unshared = await findUnshared();
    const driver = lab.drivers.find(({ name }) => name === 'ramdisk');
    if (!driver) throw new Error('there is no ramdisk among the drivers');
    const step = clockStepNs(() => performance.now());
    return ladder(
      {
        ...{ boots: number(query, 'boots'), samples: number(query, 'samples') },
        ...{ batchMs: number(query, 'batchMs') ?? batchMsFor(step), boot: lab.boot, driver },
        abilities: { sharedMemory: hasThreads, wait: hasThreads },
        environment: { ...lab.environment, clockStepNs: step },
        onProblem: show,
        signal,
      },
      show,
    );
  },
  (report) => `${renderLadder(report)}${why()}`,
);
