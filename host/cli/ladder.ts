// The ladder for the terminal: in this process, or by the built page in a Chromium without a window.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { clockStepNs } from '../lab/clock.ts';
import { ladder, type LadderOptions, type LadderReport } from '../lab/ladder.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine } from './live-line.ts';
import { nodeLab } from './machines.ts';
import { ROOT } from './root.ts';
import { serve } from './server.ts';

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

/** The same Chromium as the tests'. */
async function findChromium(): Promise<string | undefined> {
  const { href } = pathToFileURL(join(ROOT, 'scripts/setup.mjs'));
  const setup = (await import(href)) as { findChromium(): Promise<string | undefined> };
  return setup.findChromium();
}

/** What the page leaves for whoever drives it (host/web/ladder.ts). */
interface Outcome {
  report?: LadderReport;
  problem?: string;
}

export async function runLadderInChromium(effort: Effort, io: Io): Promise<LadderReport> {
  const { chromium } = await import('playwright').catch(() => {
    throw new Failure('playwright is not installed: run npm ci');
  });
  const executablePath = await findChromium();
  const served = await serve(join(ROOT, 'dist/web'), 0);
  const line = new LiveLine(io, process.stderr);
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  const stop = (): void => void browser.close();
  io.signal.addEventListener('abort', stop);
  try {
    const page = await browser.newPage();
    page.on('console', (message) => message.type() === 'info' && line.show(message.text()));
    const query = new URLSearchParams(
      Object.entries(effort).map(([key, value]): [string, string] => [key, String(value)]),
    );
    await page.goto(`${served.url}ladder.html?${query.toString()}`);
    const done = await page.waitForFunction(() => (globalThis as { ladder?: unknown }).ladder, null, {
      timeout: 0,
    });
    const { report, problem } = (await done.jsonValue()) as Outcome;
    if (!report) throw new Failure(problem ?? 'the page has no result');
    return report;
  } catch (error) {
    io.signal.throwIfAborted();
    throw error;
  } finally {
    io.signal.removeEventListener('abort', stop);
    line.clear();
    await browser.close();
    await served.close();
  }
}
