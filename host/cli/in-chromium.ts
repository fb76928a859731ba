// A measuring page of the build (host/web/measuring.ts) in a Chromium without a window.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright';
import { wasInterrupted } from '../lab/interruption.ts';
import { within } from '../lab/wait.ts';
import { Failure, type Io } from './io.ts';
import { LiveLine } from './live-line.ts';
import { ROOT } from './root.ts';
import { serve } from './server.ts';

/** ms between two looks at whether a page is done. */
const LOOK_MS = 200;

/** The same Chromium as the tests'. */
async function findChromium(): Promise<string | undefined> {
  const { href } = pathToFileURL(join(ROOT, 'scripts/setup.mjs'));
  const setup = (await import(href)) as { findChromium(): Promise<string | undefined> };
  return setup.findChromium();
}

/** ms in which an interrupted page has its report, and in which a browser ends. */
const LAST_MS = 1500;
const CLOSE_MS = 500;

/**
 * @param page its name and what its address says
 * @returns its report, of what was measured where the user interrupts it; throws Failure where it has none
 */
export async function measureInChromium(page: string, query: URLSearchParams, io: Io): Promise<unknown> {
  const { chromium } = await import('playwright').catch(() => {
    throw new Failure('playwright is not installed: run npm ci');
  });
  const executablePath = await findChromium();
  const served = await serve(join(ROOT, 'dist/web'), 0);
  const line = new LiveLine(io, process.stderr);
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    // Signals are the command's: playwright would end the process, and the browser before its report.
    ...{ handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false },
  });
  try {
    const tab = await browser.newPage();
    tab.on('console', (message) => message.type() === 'info' && line.show(message.text()));
    await tab.goto(`${served.url}${page}?${query.toString()}`);
    const { report, problem } = await measured(tab, io.signal);
    if (report === undefined) throw new Failure(problem ?? 'the page has no result');
    return report;
  } finally {
    line.clear();
    await within(browser.close(), io.signal.aborted ? CLOSE_MS : Infinity, undefined);
    await served.close();
  }
}

interface Result {
  report?: unknown;
  problem?: string;
}

/** What the page has measured; after an interruption what it has measured by then. */
async function measured(tab: Page, signal: AbortSignal): Promise<Result> {
  const look = (): unknown => (globalThis as { measured?: unknown }).measured;
  // Not at every frame, which would have the browser draw while something is measured.
  const done = tab
    .waitForFunction(look, null, { timeout: 0, polling: LOOK_MS })
    .then((handle) => handle.jsonValue() as Promise<Result>);
  const interrupted = await wasInterrupted(async () => void (await within(done, Infinity, null, signal)));
  if (!interrupted) return done;
  await tab.evaluate(() => (globalThis as { interrupt?: () => void }).interrupt?.());
  return within(done, LAST_MS, { problem: 'interrupted before the page had a result' });
}
