// Child processes and paths for the scripts: run a program and wait for it, pass signals on, say what failed.
// A program that fails is a Failure: one clear line for the user, no stack.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getSystemErrorMap } from 'node:util';

export const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Something the user can act on: printed as one line. */
export class Failure extends Error {
  /** @param {string} message  @param {number} [code] exit code */
  constructor(message, code = 1) {
    super(message);
    this.code = code;
  }
}

/**
 * What the system has refused, as a Failure; everything else as it is.
 * @param {string} what  `dist cannot be written`
 * @param {string} path
 * @param {unknown} error
 * @returns {unknown}
 */
export const refused = (what, path, error) => {
  if (!(error instanceof Error && 'errno' in error)) return error;
  const [, words] = getSystemErrorMap().get(Number(error.errno)) ?? [];
  return new Failure(`${what}: ${words ?? error.message}: ${path}`);
};

/** @param {string} text */
export const say = (text) => {
  process.stderr.write(`isolab: ${text}\n`);
};

/**
 * npm passes a signal to its shell, and the shell dies without passing it on: then we are left over, and end too.
 * @param {() => void} act  called every half second from then on
 */
const whenOrphaned = (act) => {
  const parent = process.ppid;
  return setInterval(() => {
    if (process.env['npm_lifecycle_event'] && process.ppid !== parent) act();
  }, 500);
};

/**
 * Runs a program in the project's folder and returns its exit code (128 + signal number where a signal ended it).
 * SIGINT and SIGTERM are passed on; the child decides how it ends.
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, output?: 'inherit' | 'stderr', onOutput?: () => void }} [options] `stderr`: keeps standard
 * output free; `onOutput` is called when the program has written to its standard output
 * @returns {Promise<number>}
 */
export const run = (program, args, { env = process.env, output = 'inherit', onOutput } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env,
      stdio: ['inherit', onOutput ? 'pipe' : output === 'stderr' ? process.stderr : 'inherit', 'inherit'],
      // npm is a batch file on Windows, which only a shell can start.
      shell: process.platform === 'win32' && program.endsWith('.cmd'),
    });
    child.stdout?.on('data', (text) => {
      process.stdout.write(text);
      onOutput?.();
    });
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => child.kill(signal);
    process.on('SIGINT', pass).on('SIGTERM', pass);
    const watch = whenOrphaned(() => child.kill('SIGTERM'));
    const done = () => {
      process.off('SIGINT', pass).off('SIGTERM', pass);
      clearInterval(watch);
    };
    child.on('error', (error) => {
      done();
      reject(new Failure(`cannot start ${program}: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      done();
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });

/**
 * Runs a tool of node_modules by its JavaScript file: no shell, no PATH.
 * @param {string} file below node_modules
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export const runTool = (file, args, options) =>
  run(
    process.execPath,
    [fileURLToPath(new URL(`../node_modules/${file}`, import.meta.url)), ...args],
    options,
  );

/**
 * Runs npm: the one that started us where there is one.
 * @param {string[]} args
 */
export const runNpm = (args) => {
  const npm = process.env['npm_execpath'];
  if (npm && /npm-cli\.c?js$/.test(npm)) return run(process.execPath, [npm, ...args], { output: 'stderr' });
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { output: 'stderr' });
};

/**
 * Runs a script's main function and ends the process by its result; a Failure becomes one line.
 * @param {() => Promise<number>} main
 */
export const runMain = (main) => {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      if (error instanceof Failure) say(error.message);
      else process.stderr.write(`${error?.stack ?? error}\n`);
      process.exitCode = error instanceof Failure ? error.code : 1;
    },
  );
};
