// Sources on disk for the linker, by paths relative to the project's folder; a driver outside it is `../…`. The bare
// import "isolab" is the kernel API, drivers/include/index.ts, wherever the driver lies. Remembers what was read, so
// that a build can tell later whether it is still current.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ROOT } from '../root.ts';

/** `from "isolab"`: asc would look for a package of its library; a path relative to the importer takes its place. */
const API_IMPORT = /(\bfrom\s*)(["'])isolab\2/g;
const API = join(ROOT, 'drivers/include/index');

/** The path by which the linker knows a file: relative to the project, with forward slashes. */
export function sourcePath(file: string): string {
  return relative(ROOT, resolve(file)).split(sep).join('/');
}

export const hash = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

export class Sources {
  /** SHA-256 of each file read. */
  readonly read = new Map<string, string>();

  /** The text of a source, or null where there is none. */
  readText(path: string): string | null {
    const file = resolve(ROOT, path);
    if (!existsSync(file) || !statSync(file).isFile()) return null;
    const text = readFileSync(file, 'utf8');
    this.read.set(path, hash(text));
    const api = relative(dirname(file), API).split(sep).join('/');
    return text.replace(API_IMPORT, `$1$2${api.startsWith('.') ? api : `./${api}`}$2`);
  }
}
