// Test drivers: NAME.ts, linked by the linker under test, or NAME.c, built by clang, in test/fixtures/ and its folders or, the project's
// own, in drivers/. That takes a second each, so what was made is kept in dist/fixtures/ under a hash of everything that goes
// into it; any change there makes it anew.

import { execFileSync } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCFile, findCTools } from '../../host/cli/files/c-file.ts';
import { loadModule } from '../../host/domain/load-file.ts';
import type { LoadedModule } from '../../host/domain/loaded.ts';
import { link, type LinkOptions } from '../../host/linker/link.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const KEPT = join(ROOT, 'dist/fixtures');
/** Where test drivers lie: those that use each other's symbols and those in C have folders of their own. */
const FOLDERS = ['test/fixtures', 'test/fixtures/symbols', 'test/fixtures/c', 'drivers'];
const INPUTS = ['host/linker', 'kernel/abi', 'drivers/include', 'package-lock.json'];

function digest(hash: Hash, path: string): Hash {
  const folder = /\.\w+$/.test(path)
    ? [path]
    : readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
        .sort();
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

function compilers(): string {
  const { clang, linker } = findCTools();
  return [clang, linker].map((tool) => execFileSync(tool, ['--version'], { encoding: 'utf8' })).join('');
}

/** A driver in C, ready to be loaded: NAME.c in one of the folders. A clang that is missing fails the test. */
export async function loadC(fixture: string, flags: readonly string[] = []): Promise<LoadedModule> {
  const source = sourceOf(`${fixture}.c`);
  if (source === undefined) throw new Error(`there is no test driver ${fixture}`);
  const hash = createHash('sha256').update(JSON.stringify([fixture, flags, compilers()]));
  const inputs = ['host/cli/files/c-file.ts', 'drivers/include/isolab.h', source];
  const key = inputs.reduce(digest, hash).digest('hex').slice(0, 16);
  const out = join(KEPT, `${fixture}-${key}.ko.wasm`);
  if (!existsSync(out)) {
    const { warnings } = await buildCFile({ source: join(ROOT, source), out, name: fixture, flags });
    if (warnings !== '') throw new Error(warnings);
  }
  return loadModule(new Uint8Array(readFileSync(out)), null, fixture);
}

/** Where the source of a test driver is, if there is one. */
function sourceOf(file: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${file}`).find((path) => existsSync(join(ROOT, path)));
}

/** A test driver, ready to be loaded. Options: under another name, for another kernel. */
export async function loadFixture(
  fixture: string,
  options: Pick<LinkOptions, 'name' | 'vermagic'> = {},
): Promise<LoadedModule> {
  const entry = sourceOf(`${fixture}.ts`);
  if (entry === undefined) return loadC(fixture);
  const name = options.name ?? fixture;
  const hash = createHash('sha256').update(JSON.stringify([fixture, options]));
  const key = [...INPUTS, entry].reduce(digest, hash).digest('hex').slice(0, 16);
  const path = join(KEPT, `${name}-${key}.ko.wasm`);
  if (!existsSync(path)) {
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
