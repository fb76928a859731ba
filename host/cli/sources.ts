// Sources on disk for the linker, by paths relative to the project's folder; a driver outside it is `../…`. The bare
// import "isolab" is the kernel API, drivers/include/index.ts, wherever the driver lies. Remembers what was read, so
// that a build can tell later whether it is still current.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { ROOT } from './root.ts';

/** asc looks for the package `isolab` as a folder of this name, beside the importer or above it. */
const PACKAGE = /(?:^|\/)node_modules\/isolab\//;

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
    const match = PACKAGE.exec(path);
    const inTree = match === null ? path : `drivers/include/${path.slice(match.index + match[0].length)}`;
    const file = resolve(ROOT, inTree);
    if (!existsSync(file) || !statSync(file).isFile()) return null;
    const text = readFileSync(file, 'utf8');
    this.read.set(inTree, hash(text));
    return text;
  }
}
