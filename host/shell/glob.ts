// `*`, `?` and […] in the paths of a line: the machine's files that they stand for, as sh has it. What stands for nothing is
// left as it is written. Names that begin with a dot do not exist here.

import { fnmatch } from '../linker/module/alias.ts';
import type { Client } from '../machine/shared/types.ts';
import type { Part } from './words.ts';

const SPECIAL = /[*?[]/;

/** Whether a word may stand for paths. */
export function isPattern(word: readonly Part[]): boolean {
  return word.some((part) => part.kind === 'text' && !part.quoted && SPECIAL.test(part.text));
}

/** A word as a pattern: what was quoted stands for itself. */
export function patternOf(word: readonly Part[], status: number): string {
  return word
    .map((part) => {
      if (part.kind === 'status') return String(status);
      return part.quoted ? part.text.replace(/[*?[\]\\]/g, '\\$&') : part.text;
    })
    .join('');
}

/** The paths that a pattern stands for, sorted. */
export async function expandPattern(pattern: string, client: Client): Promise<string[]> {
  const [start = '', ...names] = pattern.split('/');
  /** What has been found so far, with a slash behind it. */
  let found = start === '' ? ['/'] : await matching('', start, client);
  for (const [i, name] of names.entries()) {
    const next: string[] = [];
    for (const path of found)
      next.push(...(await matching(i === 0 && start === '' ? path : `${path}/`, name, client)));
    found = next;
  }
  const there = await Promise.all(found.map(async (path) => (await client.stat(path)).result === 0));
  return found.filter((_, i) => there[i]).sort();
}

/** What a name in a path stands for, which may be a pattern. @param folder with a slash at its end, or empty */
async function matching(folder: string, name: string, client: Client): Promise<string[]> {
  if (!SPECIAL.test(name)) return [`${folder}${name.replace(/\\(.)/g, '$1')}`];
  const { entries } = await client.readdir(folder === '' ? '.' : folder);
  return entries.filter((each) => fnmatch(name, each.name)).map((each) => `${folder}${each.name}`);
}
