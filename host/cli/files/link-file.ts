// One source file linked to one .wasm with its map beside it. Both are written whole or not at all: to a temporary
// name first, renamed when everything is there. A refusal of the linker becomes one line per place in the source.

import { relative, resolve } from 'node:path';
import { link } from '../../linker/link.ts';
import { LinkError, refusalText } from '../../linker/build/refusal.ts';
import { writeTogether } from './user-files.ts';
import { Failure } from '../io.ts';
import { ROOT } from '../root.ts';
import { Sources, sourcePath } from './sources.ts';

export interface LinkFile {
  /** Path of the entry file. */
  entry: string;
  /** Path of the output; the map is written to `OUT.map`. */
  out: string;
  kind: 'module' | 'image';
  name: string;
}

export interface LinkedFile {
  bytes: number;
  /** SHA-256 of every source that went into it. */
  sources: ReadonlyMap<string, string>;
}

/** Links and writes; throws Failure with everything that was refused, and writes nothing then. */
export async function linkFile({ entry, out, kind, name }: LinkFile): Promise<LinkedFile> {
  const sources = new Sources();
  const files = { readText: (path: string) => sources.readText(path) };
  const linked = await link({ entry: sourcePath(entry), files, kind, name }).catch((error: unknown) => {
    throw error instanceof LinkError ? new Failure(describe(entry, error)) : error;
  });
  writeTogether('the module', [
    [out, linked.bytes],
    [`${out}.map`, linked.map],
  ]);
  return { bytes: linked.bytes.length, sources: sources.read };
}

/** One line per refusal, its file as the user would name it from the current folder. */
function describe(entry: string, error: LinkError): string {
  const lines = error.refusals.map((refusal) => {
    const { file } = refusal;
    return refusalText(
      file === undefined ? refusal : { ...refusal, file: relative('.', resolve(ROOT, file)) },
    );
  });
  return [`${entry} is not linked`, ...lines].join('\n');
}
