// Set-up on a fresh clone: the dependencies, and for the tests a Chromium and a clang. Each step does nothing where nothing is
// missing. Writes into the clone only; what has to be installed for the tests is the one exception.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Failure, ROOT, refused, run, runNpm, runTool, say } from './run.mjs';

/** @param {string} path */
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : -1);

/** Installs the locked dependencies where node_modules is missing or older than the lockfile. */
export const install = async () => {
  const lock = join(ROOT, 'package-lock.json');
  // npm writes this file last: it is missing after an interrupted installation.
  if (modified(join(ROOT, 'node_modules/.package-lock.json')) >= modified(lock)) return;
  const modules = join(ROOT, 'node_modules');
  const folder = existsSync(modules) ? modules : ROOT;
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw refused('dependencies cannot be installed', folder, error);
  }
  say('installing dependencies (npm ci) …');
  const code = await runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  if (code !== 0) throw new Failure(`dependencies could not be installed: npm ci ended with ${code}`, code);
};

const canInstall = () => process.getuid?.() === 0 && onPath('apt-get') !== undefined;

/**
 * @param {string} what
 * @param {string[]} packages
 * @returns {Promise<string>} how it ended
 */
const aptInstall = async (what, packages) => {
  say(`installing ${what} (apt-get install ${packages.join(' ')}) …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const updated = await run('apt-get', ['update', '-q'], { env, output: 'stderr' });
  const installed = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], {
    env,
    output: 'stderr',
  });
  return `update ended with ${updated}, install with ${installed}`;
};

/**
 * What a browser of the kind is called on PATH. Debian's chromium-headless-shell is none of them: its page ends when wasm
 * accesses memory out of bounds (seen in 156), which is no trap there.
 */
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** @param {string} name  @returns {string | undefined} */
const onPath = (name) => {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const file = join(folder, name + suffix);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return undefined;
};

/**
 * A Chromium on this machine: ISOLAB_CHROMIUM, then PATH, then Playwright's cache.
 * @returns {Promise<string | undefined>}
 */
export const findChromium = async () => {
  const named = process.env['ISOLAB_CHROMIUM'];
  if (named) {
    if (!existsSync(named)) throw new Failure(`ISOLAB_CHROMIUM names a file that is not there: ${named}`);
    return named;
  }
  for (const name of BROWSERS) {
    const file = onPath(name);
    if (file) return file;
  }
  const { chromium } = await import('playwright');
  const cached = chromium.executablePath();
  return cached && existsSync(cached) ? cached : undefined;
};

/**
 * Finds a Chromium or installs one: Debian's package where that is possible, else Playwright's.
 * @returns {Promise<string>}
 */
export const ensureChromium = async () => {
  const found = await findChromium();
  if (found) return found;
  if (canInstall()) {
    const ended = await aptInstall('Chromium', ['chromium']);
    const file = await findChromium();
    if (file) return file;
    say(`apt-get gave no Chromium (${ended})`);
  }
  say('installing Chromium (playwright install chromium) …');
  const code = await runTool('playwright/cli.js', ['install', 'chromium'], { output: 'stderr' });
  const file = await findChromium();
  if (!file)
    throw new Failure(`the tests need a Chromium and none could be installed: playwright ended with ${code}`);
  return file;
};

/** The linker is wasm-ld of lld; Debian's other versions have their number behind the name. */
const C_TOOLS = ['clang', 'wasm-ld'];
const VERSIONS = ['', ...Array.from({ length: 17 }, (_, i) => `-${30 - i}`)];

/** @returns {string[]} what is missing of what builds a driver in C */
const missingCTools = () => C_TOOLS.filter((tool) => !VERSIONS.some((version) => onPath(tool + version)));

/**
 * Finds clang and wasm-ld, which the tests build drivers in C with, or installs Debian's packages.
 * @returns {Promise<string>} what is used
 */
export const ensureClang = async () => {
  if (missingCTools().length > 0 && canInstall()) {
    const ended = await aptInstall('clang', ['clang', 'lld']);
    if (missingCTools().length > 0) say(`apt-get gave no clang (${ended})`);
  }
  const missing = missingCTools();
  if (missing.length > 0)
    throw new Failure(
      `the tests build drivers in C and there is no ${missing.join(', no ')}: install clang and lld`,
    );
  return C_TOOLS.map((tool) => VERSIONS.map((version) => onPath(tool + version)).find(Boolean)).join(', ');
};
