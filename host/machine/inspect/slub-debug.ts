// The boot option slub_debug, as Linux reads it.

import {
  SLUB_ALL,
  SLUB_CONSISTENCY,
  SLUB_OFF,
  SLUB_POISON,
  SLUB_RED_ZONE,
  SLUB_STORE_USER,
} from '../../../kernel/abi/heap.ts';

const LETTERS: Record<string, number> = {
  F: SLUB_CONSISTENCY,
  Z: SLUB_RED_ZONE,
  P: SLUB_POISON,
  U: SLUB_STORE_USER,
};

/**
 * @param text letters of FZPU: consistency checks, red zones, poison, owner tracking; `-` for none; nothing for all
 * @returns what the images' boot takes
 * @throws RangeError for a letter that there is not
 */
export function slubDebugFlags(text = ''): number {
  if (text === '') return SLUB_ALL;
  if (text === '-') return SLUB_OFF;
  return [...text.toUpperCase()].reduce((flags, letter) => {
    const flag = LETTERS[letter];
    if (flag === undefined) throw new RangeError(`slub_debug knows F, Z, P and U, not ${letter}`);
    return flags | flag;
  }, 0);
}
