// What tests in a browser have in place of ./fixtures.ts, which reads files; and their lab.

import { afterAll } from 'vitest';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import type { Lab } from '../../host/lab/load.ts';
import { browserLab } from '../../host/web/lab.ts';

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`cannot be loaded (${response.status}): ${url}: ${await response.text()}`);
  return response;
}

const fetched = new Map<string, Promise<LoadedModule>>();

/**
 * Opens the one lab of a test file, which ends with it: a page has no room for the memories of many labs, each of which go when
 * the collector sees fit.
 */
export function labOfFile(): () => Promise<Lab> {
  let lab: Promise<Lab> | null = null;
  afterAll(async () => (await lab)?.close());
  return async () => ({ ...(await (lab ??= browserLab('/'))), close: () => Promise.resolve() });
}

/** A test driver out of test/fixtures, linked by the server (./fixtures-plugin.ts). */
export function fetchFixture(name: string): Promise<LoadedModule> {
  const known = fetched.get(name) ?? fetchLinked(name);
  fetched.set(name, known);
  return known;
}

async function fetchLinked(name: string): Promise<LoadedModule> {
  const url = `/fixtures/${name}.ko.wasm`;
  const bytes = new Uint8Array(await (await get(url)).arrayBuffer());
  const map = await (await get(`${url}.map`)).text();
  return loadModule(bytes, map === '' ? null : map, name);
}
