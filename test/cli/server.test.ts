// The static server: the headers without which a page has no shared memory, types, the next free port, and nothing
// outside its folder.

import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve, type Served } from '../../host/cli/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'isolab-server-'));
const page = join(folder, 'page');
let served: Served;

beforeAll(async () => {
  mkdirSync(join(page, 'images'), { recursive: true });
  writeFileSync(join(page, 'index.html'), '<!doctype html>');
  writeFileSync(join(page, 'images/kernel.wasm'), new Uint8Array([0, 0x61, 0x73, 0x6d]));
  writeFileSync(join(page, 'images/kernel.wasm.map'), '{}');
  writeFileSync(join(page, 'images/floppy.img'), 'FAT');
  writeFileSync(join(folder, 'secret'), 'secret');
  served = await serve(page, 0);
});

afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

test('the page is cross-origin isolated', async () => {
  const response = await fetch(served.url);
  expect(response.status).toBe(200);
  expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
  expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await response.text()).toBe('<!doctype html>');
});

test.each([
  ['images/kernel.wasm', 'application/wasm', 4],
  ['images/kernel.wasm.map', 'application/json', 2],
  ['images/floppy.img', 'application/octet-stream', 3],
  ['images/kernel.wasm?v=1', 'application/wasm', 4],
])('%s is served as %s', async (path, type, length) => {
  const response = await fetch(served.url + path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe(type);
  expect((await response.arrayBuffer()).byteLength).toBe(length);
});

test.each(['nothing', 'images', 'images/', '%ff', 'a%00b'])('%s is not found', async (path) => {
  expect((await fetch(served.url + path)).status).toBe(404);
});

test.each(['/../secret', '/%2e%2e/secret', '/images/../../secret'])(
  '%s does not leave the folder',
  async (path) => {
    // fetch would tidy the path up, so it is written by hand.
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toContain('404 Not Found');
    expect(answer).not.toContain('secret');
  },
);

test('only GET and HEAD are served', async () => {
  expect((await fetch(served.url, { method: 'POST' })).status).toBe(405);
  const head = await fetch(served.url, { method: 'HEAD' });
  expect(head.headers.get('content-length')).toBe('15');
});

test('the next free port is taken when one is busy', async () => {
  const first = Number(new URL(served.url).port);
  const second = await serve(page, first);
  expect(Number(new URL(second.url).port)).toBeGreaterThan(first);
  await second.close();
});

test('close ends connections that are kept alive', async () => {
  const other = await serve(page, 0);
  const socket = connect(Number(new URL(other.url).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  await other.close();
  await ended;
});

function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => resolve(text)).on('error', reject);
  });
}
