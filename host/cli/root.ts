// Where things lie on disk. The same file runs from host/cli (tests) and from dist/host/cli (everything else), so the
// project's folder is looked for, not counted.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`no package.json above ${import.meta.url}`);
  }
}

/** The project's folder. */
export const ROOT = findRoot();

/** The wasm images and drivers, with their maps. */
export const IMAGES = join(ROOT, 'dist/images');

/** The built page. */
export const WEB = join(ROOT, 'dist/web');

/** isolab's own version. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new Error(`no version in ${join(ROOT, 'package.json')}`);
}
