// The letters of taints for whoever prints them.

import { TAINT_LETTERS } from '../abi/taint';

/** Bits that have a letter. */
export const TAINTS: i32 = TAINT_LETTERS.length;

/** The letter of a bit below TAINTS. */
export function taint_letter(bit: i32): u32 {
  return TAINT_LETTERS.charCodeAt(bit);
}
