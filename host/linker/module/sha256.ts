// SHA-256 as everything here shows it. At once and not by crypto.subtle: that hashes on another thread, and the way there and
// back costs a load of a driver more than the hash does.

import { sha256 as digest } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** @returns lower-case hexadecimal */
export function sha256(bytes: Uint8Array): string {
  return bytesToHex(digest(bytes));
}
