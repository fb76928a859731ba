// Where a driver runs. A machine's placement is the place of every driver that has none of its own; `--place` gives it one.
//
//   kernel      in the kernel's domain: a call is a call
//   sandbox     in a memory of its own on the kernel's thread: a call goes through a frame that catches
//   worker      in a memory and on a thread of its own
//   pool:NAME   with other drivers in one memory and on one thread

import { keyOf } from '../../linker/module/alias.ts';

/** The place of every driver of a machine that has none of its own. */
export type Placement = 'monolithic' | 'sandbox' | 'pooled' | 'microkernel';
/** The two placements that are compared side by side. */
export type SidePlacement = Extract<Placement, 'monolithic' | 'microkernel'>;

export type Place = 'kernel' | 'sandbox' | 'worker' | `pool:${string}`;

/** Places by the keys of modules' names. */
export type Places = ReadonlyMap<string, Place>;

/** By how much a fault reaches, widest first. */
export const PLACEMENTS: readonly Placement[] = ['monolithic', 'sandbox', 'pooled', 'microkernel'];

const DEFAULTS: Readonly<Record<Placement, Place>> = {
  monolithic: 'kernel',
  sandbox: 'sandbox',
  pooled: 'pool:drivers',
  microkernel: 'worker',
};

export function defaultPlace(placement: Placement): Place {
  return DEFAULTS[placement];
}

const POOL = /^pool:[\w-]+$/;

function isPlace(text: string): text is Place {
  return ['kernel', 'sandbox', 'worker'].includes(text) || POOL.test(text);
}

/** @returns the name of the pool that a place is, or null */
export function poolOf(place: Place): string | null {
  return place.startsWith('pool:') ? place.slice('pool:'.length) : null;
}

/** Reads `ramdisk=worker,null=kernel`; throws RangeError, which says what is wrong. */
export function parsePlaces(text: string): Places {
  const places = new Map<string, Place>();
  for (const word of text.split(',')) {
    const [name = '', place, ...more] = word.trim().split('=');
    if (!/^[\w-]+$/.test(name) || place === undefined || more.length > 0)
      throw new RangeError(`a place is given as module=place, not as '${word}'`);
    if (!isPlace(place))
      throw new RangeError(`a place is kernel, sandbox, worker or pool:NAME, not '${place}'`);
    if (places.has(keyOf(name))) throw new RangeError(`a module has one place: ${name}`);
    places.set(keyOf(name), place);
  }
  return places;
}
