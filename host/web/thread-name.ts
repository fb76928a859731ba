// A worker's name is what it is told at its birth: which kind of thread it is, and the lock that it holds for life.

import type { ThreadKind } from '../machine/shared/platform.ts';

export function nameOf(kind: ThreadKind, lock: string): string {
  return `${kind} ${lock}`;
}

export function partsOf(name: string): { kind: ThreadKind; lock: string } {
  const [kind, lock] = name.split(' ');
  if ((kind === 'kernel' || kind === 'driver' || kind === 'client') && lock !== undefined)
    return { kind, lock };
  throw new Error(`no name of a thread: ${name}`);
}
