// Test drivers (test/fixtures/NAME.ts), linked by the linker under test. Linking takes a second each, so what was linked is
// kept in dist/fixtures/ under a hash of everything that goes into it; any change there links anew.

import { createHash, type Hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { link, type LinkOptions } from '../../host/linker/link.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const KEPT = join(ROOT, 'dist/fixtures');
const INPUTS = ['host/linker', 'kernel/abi', 'drivers/include', 'package-lock.json'];

function digest(hash: Hash, path: string): Hash {
  const folder = /\.\w+$/.test(path)
    ? [path]
    : readdirSync(join(ROOT, path))
        .sort()
        .map((name) => `${path}/${name}`);
  for (const file of folder)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash;
}

function readText(path: string): string | null {
  return existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : null;
}

/** A test driver, ready to be loaded. Options: under another name, for another kernel. */
export async function loadFixture(
  fixture: string,
  options: Pick<LinkOptions, 'name' | 'vermagic'> = {},
): Promise<LoadedModule> {
  const name = options.name ?? fixture;
  const hash = createHash('sha256').update(JSON.stringify([fixture, options]));
  const key = [...INPUTS, `test/fixtures/${fixture}.ts`].reduce(digest, hash).digest('hex').slice(0, 16);
  const path = join(KEPT, `${name}-${key}.ko.wasm`);
  if (!existsSync(path)) {
    const entry = `test/fixtures/${fixture}.ts`;
    const linked = await link({ entry, kind: 'module', files: { readText }, ...options });
    mkdirSync(KEPT, { recursive: true });
    // The map first: who finds the module finds its map.
    for (const [to, content] of [
      [`${path}.map`, linked.map],
      [path, linked.bytes],
    ] as const) {
      writeFileSync(`${to}.${process.pid}`, content);
      renameSync(`${to}.${process.pid}`, to);
    }
  }
  return loadModule(new Uint8Array(readFileSync(path)), readFileSync(`${path}.map`, 'utf8'), name);
}
