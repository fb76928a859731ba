// Builds dist/ when it is older than what it is made of: TypeScript (tsc -b), the wasm images, the page (vite).
// Run directly: `node scripts/build.mjs [--force]`. Never builds twice at once and never when nothing changed.

import './node-version.mjs';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, ROOT, refused, run, runMain, runTool, say } from './run.mjs';

const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.built');
const LOCK = join(DIST, '.building');
const SOURCES = [
  'host',
  'kernel',
  'drivers',
  'package-lock.json',
  'tsconfig.base.json',
  'vite.config.ts',
  'asconfig.json',
];

/**
 * The latest change below a path in ms; a folder's own time tells of deletions.
 * @param {string} path
 * @returns {number}
 */
const latest = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((time, name) => Math.max(time, latest(join(path, name))), stat.mtimeMs);
};

const stale = () => {
  if (!existsSync(STAMP)) return true;
  const built = Number(readFileSync(STAMP, 'utf8'));
  return SOURCES.some((source) => latest(join(ROOT, source)) > built);
};

/** @param {string} path of a file with a process id */
const alive = (path) => {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0);
    return true;
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Waits until no other process builds, then takes its place. */
const lock = async () => {
  try {
    mkdirSync(DIST, { recursive: true });
  } catch (error) {
    throw refused('what is built cannot be written', DIST, error);
  }
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
        throw refused('what is built cannot be written', LOCK, error);
      if (!alive(LOCK)) rmSync(LOCK, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
};

/**
 * @param {string} what
 * @param {Promise<number>} running
 */
const step = async (what, running) => {
  const code = await running;
  if (code !== 0) throw new Failure(`the build failed: ${what} ended with ${code}`, code);
};

/**
 * Builds what is out of date. Progress goes to standard error.
 * @param {{ force?: boolean }} [options] force: also where nothing seems to have changed
 */
export const build = async ({ force = false } = {}) => {
  if (!force && !stale()) return;
  if (!existsSync(join(ROOT, 'node_modules/typescript')))
    throw new Failure('the dependencies are missing: run npm ci');
  await lock();
  try {
    if (!force && !stale()) return;
    say('building …');
    // Taken at the start: what is saved during the build is built again.
    const started = Date.now();
    /** @type {Parameters<typeof run>[2]} */
    const output = { output: 'stderr' };
    await step('tsc', runTool('typescript/bin/tsc', ['-b', 'host/cli'], output));
    await step('isolab images', run(process.execPath, [join(DIST, 'host/cli/main.js'), 'images'], output));
    await step('vite build', runTool('vite/bin/vite.js', ['build', '--logLevel', 'warn'], output));
    writeFileSync(STAMP, String(started));
    say(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    throw refused('what is built cannot be written', DIST, error);
  } finally {
    rmSync(LOCK, { force: true });
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runMain(async () => {
    await build({ force: process.argv.includes('--force') });
    return 0;
  });
}
