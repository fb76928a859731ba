// Four projects: unit, contract and alone run in Node, browser in a real Chromium, one page beside the first two. What measures
// time or needs the computer for itself is alone: one file after another, for two cores are enough for everything, but not for
// two timing tests at once. A test under test/contract is *.node.test.ts or *.browser.test.ts; both call the same suite.
// Elsewhere *.node.test.ts is alone.

import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { findChromium } from './scripts/setup.mjs';
import { fixtures } from './test/support/fixtures-plugin.ts';
import { ContractFirst } from './test/support/sequencer.ts';
import { bundledThreads } from './test/support/threads-plugin.ts';
import { images, ISOLATION_HEADERS } from './vite.config.ts';

const LONG = process.env['ISOLAB_LONG'] === '1';
const SECOND = 1000;
/** Timeouts of a project, and what test/long.ts reads in Node and in the browser. */
const pace = (seconds: number) => ({
  provide: { long: LONG },
  testTimeout: seconds * SECOND * (LONG ? 20 : 1),
  hookTimeout: seconds * SECOND * (LONG ? 20 : 1),
  teardownTimeout: 20 * SECOND,
});

/** Files at a time, of all projects of a group; the browser's one page comes on top. Most tests wait more than they work. */
const together = { maxWorkers: 2, sequence: { groupOrder: 0 } };
/** Files one behind the other in a process: loading a file's imports anew takes as long as most files' tests. */
const oneProcess = { isolate: false };
const chromium = await findChromium();

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    allowOnly: false,
    sequence: { sequencer: ContractFirst },
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.node.test.ts', 'test/**/*.browser.test.ts'],
          ...oneProcess,
          ...together,
          ...pace(60),
        },
      },
      {
        test: {
          name: 'contract',
          environment: 'node',
          include: ['test/contract/*.node.test.ts'],
          ...together,
          ...pace(120),
        },
      },
      {
        test: {
          name: 'alone',
          environment: 'node',
          include: ['test/**/*.node.test.ts'],
          exclude: ['test/contract/**'],
          ...oneProcess,
          fileParallelism: false,
          ...pace(120),
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [images(), fixtures(), bundledThreads()],
        worker: { format: 'es' },
        server: { headers: ISOLATION_HEADERS },
        // Named, so that none is found in the middle of a run: vite would reload the page under the test.
        optimizeDeps: {
          include: [
            'comlink',
            '@jridgewell/trace-mapping',
            '@noble/hashes/sha2.js',
            '@noble/hashes/utils.js',
          ],
        },
        test: {
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          ...together,
          ...pace(120),
          browser: {
            enabled: true,
            headless: true,
            fileParallelism: false,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                ...(chromium === undefined ? {} : { executablePath: chromium }),
                args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
