// `npm test`: sets up what is missing, then every check there is. All steps run, so that one look tells all that is
// wrong; only the tests need the build. A failed step, a failed test and a test file that could not be read each count.
// The slowest test files are listed; the last line is `N passed, N failed`. `--long` runs the same tests with more rounds
// (ISOLAB_LONG=1).

import './node-version.mjs';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from './build.mjs';
import { Failure, ROOT, runMain, runTool, say } from './run.mjs';
import { ensureChromium, ensureClang, install } from './setup.mjs';

const RESULTS = join(ROOT, 'dist/test-results.json');

/** @type {{ name: string, seconds: number, ok: boolean }[]} */
const steps = [];

/**
 * @param {string} name
 * @param {() => Promise<number | void>} work  a number is an exit code
 */
const step = async (name, work) => {
  say(`${name} …`);
  const started = performance.now();
  let ok = false;
  try {
    ok = !(await work());
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
  }
  const seconds = (performance.now() - started) / 1000;
  say(`${name}: ${ok ? 'ok' : 'FAILED'} after ${seconds.toFixed(1)} s`);
  steps.push({ name, seconds, ok });
  return ok;
};

/** Test files that are listed at the end. */
const SLOWEST = 10;

/**
 * @param {{ name: string, startTime: number, endTime: number }[]} files
 * @returns {string[]} a line for each of the slowest
 */
const slowestOf = (files) =>
  files
    .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, SLOWEST)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(6)} s  ${relative(ROOT, name)}`);

/** Counts of vitest's report: tests, and files that failed without a failed test in them; and its slowest files. */
const readResults = () => {
  const report = JSON.parse(readFileSync(RESULTS, 'utf8'));
  /** @param {{ status: string, assertionResults: { status: string }[] }} file */
  const unreadable = (file) =>
    file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.testResults.filter(unreadable).length,
    skipped: report.numPendingTests + report.numTodoTests,
    slowest: slowestOf(report.testResults),
  };
};

runMain(async () => {
  const long = process.argv.includes('--long');
  await install();
  const style = async () => {
    await step('format', () => runTool('prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']));
    await step('lint', () => runTool('eslint/bin/eslint.js', ['--max-warnings', '0', '.']));
  };
  const code = async () => {
    await step('types', () => runTool('typescript/bin/tsc', ['-b']));
    return step('build', () => build());
  };
  let chromium = '';
  const tools = async () => {
    const found = await step('chromium', async () => {
      chromium = await ensureChromium();
      say(`using ${chromium}`);
    });
    await step('clang', async () => say(`using ${await ensureClang()}`));
    return found;
  };
  // A core each for the first two; the third waits for packages most of the time.
  const [built, browser] = await Promise.all([code(), tools(), style()]);
  /** @type {ReturnType<typeof readResults>} */
  let results = { passed: 0, failed: 0, skipped: 0, slowest: [] };
  if (built && browser) {
    rmSync(RESULTS, { force: true });
    const env = {
      ...process.env,
      ISOLAB_CHROMIUM: chromium,
      ISOLAB_LONG: long ? '1' : process.env['ISOLAB_LONG'],
    };
    await step('tests', async () => {
      const code = await runTool(
        'vitest/vitest.mjs',
        ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`],
        { env },
      );
      results = readResults();
      // An error outside any test fails the run without failing a test.
      if (results.failed > 0) throw new Failure(`${results.failed} tests failed`);
      if (code !== 0) throw new Failure(`vitest ended with ${code}`);
    });
  }
  const broken = steps.filter((it) => !it.ok && (it.name !== 'tests' || results.failed === 0));
  const failed = results.failed + broken.length;
  process.stdout.write('\n');
  if (results.slowest.length > 0) process.stdout.write(`slowest files\n${results.slowest.join('\n')}\n\n`);
  for (const { name, seconds, ok } of steps) {
    process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name} ${seconds.toFixed(1)} s\n`);
  }
  if (results.skipped > 0) process.stdout.write(`${results.skipped} skipped\n`);
  process.stdout.write(`${results.passed} passed, ${failed} failed\n`);
  return failed > 0 || results.passed === 0 ? 1 : 0;
});
