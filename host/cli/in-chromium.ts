// A measuring page of the build (host/web/measuring.ts) in a Chromium without a window.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
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

/** @param page its name and what its address says. @returns its report; throws Failure where it has none */
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
  });
  const stop = (): void => void browser.close();
  io.signal.addEventListener('abort', stop);
  try {
    const tab = await browser.newPage();
    tab.on('console', (message) => message.type() === 'info' && line.show(message.text()));
    await tab.goto(`${served.url}${page}?${query.toString()}`);
    const look = (): unknown => (globalThis as { measured?: unknown }).measured;
    // Not at every frame, which would have the browser draw while something is measured.
    const done = await tab.waitForFunction(look, null, { timeout: 0, polling: LOOK_MS });
    const { report, problem } = (await done.jsonValue()) as { report?: unknown; problem?: string };
    if (report === undefined) throw new Failure(problem ?? 'the page has no result');
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
