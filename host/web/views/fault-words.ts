// What lkdtm's faults are, in a few plain words. The list of faults is the driver's own; one that is not known here is shown
// by its name alone.

import { hasThreads } from '../requirements.ts';

const WORDS: Readonly<Record<string, string>> = {
  BUG: 'runs into an instruction that must not be reached',
  ACCESS_NULL: 'writes to address zero',
  WILD_WRITE: 'overwrites a word on every page of its memory',
  LOOP: 'never returns',
  EXHAUST_STACK: 'calls itself without end',
  EXHAUST_HEAP: 'takes all memory and keeps it',
  SLAB_FREE_DOUBLE: 'frees the same object twice',
  WRITE_AFTER_FREE: 'writes to an object it has freed',
  LIE_LENGTH: 'claims more bytes than it was asked for',
  LIE_STATUS: 'answers with a status that does not exist',
  EXIT: 'ends without cleaning up',
};

/** Those that nobody survives who shares a thread with the driver. */
const HANGS = new Set(['LOOP']);

/** Why a fault is not offered here; null where it is. */
export function withheld(fault: string): string | null {
  return HANGS.has(fault) && !hasThreads ? 'it would take this page with it' : null;
}

/** What the driver does, to follow its name; empty where unknown. */
export function wordsOf(fault: string): string {
  return WORDS[fault] ?? '';
}
