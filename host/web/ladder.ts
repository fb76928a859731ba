// The ladder's page: measures when it is opened, shows the table, and leaves the report in `globalThis.ladder` for whoever
// drives the browser (host/cli/ladder.ts). The address says how much is measured: ?boots=1&samples=7&batchMs=1.5

import { batchMsFor, clockStepNs } from '../lab/clock.ts';
import { ladder, type LadderReport } from '../lab/ladder.ts';
import { renderLadder } from '../lab/ladder-table.ts';
import { hasThreads } from './requirements.ts';
import { h, messageOf } from './dom.ts';
import { browserLab } from './lab.ts';

declare global {
  var ladder: { report?: LadderReport; problem?: string } | undefined;
}

function number(query: URLSearchParams, name: string): number | undefined {
  const value = Number(query.get(name) ?? NaN);
  return value > 0 ? value : undefined;
}

async function measure(show: (text: string) => void): Promise<LadderReport> {
  const query = new URLSearchParams(location.search);
  const lab = await browserLab();
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
    },
    show,
  );
}

async function run(main: HTMLElement): Promise<void> {
  const line = h('p', { class: 'fine', role: 'status' }, 'Starting …');
  main.replaceChildren(line);
  try {
    const report = await measure((text) => {
      line.textContent = text;
      console.info(text);
    });
    main.replaceChildren(h('pre', { class: 'ladder' }, renderLadder(report)));
    globalThis.ladder = { report };
  } catch (error) {
    main.replaceChildren(h('p', { class: 'errors', role: 'alert' }, messageOf(error)));
    globalThis.ladder = { problem: messageOf(error) };
  }
}

const main = document.getElementById('main');
if (!main) throw new Error('the page has no element: main');
void run(main);
