// The built program as a process: its streams and how it ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, version } from '../../host/cli/root.ts';

function start(argv: string[]) {
  const child = spawn(process.execPath, [join(ROOT, 'dist/host/cli/main.js'), ...argv]);
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

test('a reader that leaves early is no error', async () => {
  const { child, ended } = start(['--help']);
  child.stdout.destroy();
  expect((await ended).error).toBe('');
});
