// What tests in a browser have in place of ./fixtures.ts, which reads files.

import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`cannot be loaded (${response.status}): ${url}: ${await response.text()}`);
  return response;
}

const fetched = new Map<string, Promise<LoadedModule>>();

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
