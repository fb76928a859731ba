// `*`, `?` and […] in the paths of a line: the machine's files that they stand for, as sh has it. What stands for nothing is
// left as it is written. Names that begin with a dot do not exist here.

import { fnmatch } from '../linker/alias.ts';
import type { Client } from '../machine/types.ts';
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

/** The paths that an absolute pattern stands for, sorted; none for what is no absolute path. */
export async function expandPattern(pattern: string, client: Client): Promise<string[]> {
  if (!pattern.startsWith('/')) return [];
  let found = [''];
  for (const name of pattern.split('/').slice(1)) {
    const next: string[] = [];
    for (const folder of found) {
      if (!SPECIAL.test(name)) next.push(`${folder}/${name.replace(/\\(.)/g, '$1')}`);
      else {
        const { entries } = await client.readdir(folder === '' ? '/' : folder);
        next.push(
          ...entries.filter((each) => fnmatch(name, each.name)).map((each) => `${folder}/${each.name}`),
        );
      }
    }
    found = next;
  }
  const there = await Promise.all(found.map(async (path) => (await client.stat(path)).result === 0));
  return found.filter((_, i) => there[i]).sort();
}
