// The built program as a process: its streams and how it ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT, version } from '../../host/cli/root.ts';

const MAIN = join(ROOT, 'dist/host/cli/main.js');

function start(argv: string[], main = MAIN, user: { uid?: number; gid?: number } = {}) {
  const child = spawn(process.execPath, [main, ...argv], user);
  const seen = { out: '', error: '' };
  child.stdout.on('data', (data: Buffer) => (seen.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (seen.error += data.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...seen }));
  return { child, ended };
}

test('a result goes to standard output, alone', async () => {
  expect(await start(['--version']).ended).toEqual({ code: 0, out: `${version()}\n`, error: '' });
});

test('a complaint goes to standard error, alone', async () => {
  const { code, out, error } = await start(['frobnicate']).ended;
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toContain("isolab: unknown command 'frobnicate'");
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('serve ends by %s with %i and gives its port back', async (signal, code) => {
  const { child, ended } = start(['serve', '--port', '0']);
  const said = once(child.stdout, 'data').then(([data]) => (data as Buffer).toString());
  const url = (await Promise.race([said, ended.then(({ error }) => error)])).trim();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const page = await fetch(url);
  expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
  child.kill(signal);
  expect((await ended).code).toBe(code);
  await expect(fetch(url)).rejects.toThrow();
});

test('Ctrl-C prints what was measured, as JSON that says so, and ends at once', async () => {
  const { child, ended } = start(['ladder', '--json']);
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  const { code, out } = await ended;
  expect(code).toBe(130);
  expect(JSON.parse(out)).toMatchObject({ schema: 'isolab.ladder/1', interrupted: true });
});

test.runIf(existsSync('/dev/full'))('results that cannot be written are an error', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [MAIN, '--version'], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let error = '';
  child.stderr!.on('data', (data: Buffer) => (error += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, error }).toEqual({
    code: 1,
    error: 'isolab: standard output cannot be written: No space left on device\n',
  });
});

test('a reader that leaves early is no error', async () => {
  const { child, ended } = start(['--help']);
  child.stdout.destroy();
  expect((await ended).error).toBe('');
});

// A file where a folder is to be: nobody can write there, root neither. To a folder's rights root pays no heed: another user does.
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

describe('a checkout that cannot be written says so in a line', () => {
  let checkout: string;
  beforeAll(() => {
    checkout = mkdtempSync(join(tmpdir(), 'isolab-checkout-'));
    for (const folder of ['scripts', 'bin'])
      cpSync(join(ROOT, folder), join(checkout, folder), { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) cpSync(join(ROOT, file), join(checkout, file));
  });
  afterAll(() => rmSync(checkout, { recursive: true }));

  test.each(['scripts/build.mjs', 'bin/isolab.mjs'])('%s, where dist cannot be made', async (script) => {
    mkdirSync(join(checkout, 'node_modules/typescript'), { recursive: true });
    writeFileSync(join(checkout, 'dist'), '');
    expect(await start([], join(checkout, script)).ended).toEqual({
      ...{ code: 1, out: '' },
      error: `isolab: what is built cannot be written: file already exists: ${checkout}/dist\n`,
    });
  });

  test('scripts/start.mjs, where node_modules cannot be made', async () => {
    rmSync(join(checkout, 'node_modules'), { recursive: true });
    chmodSync(checkout, 0o555);
    expect(await start([], join(checkout, 'scripts/start.mjs'), NOBODY).ended).toEqual({
      ...{ code: 1, out: '' },
      error: `isolab: dependencies cannot be installed: permission denied: ${checkout}/\n`,
    });
    chmodSync(checkout, 0o755);
  });
});
