// The owner of what a dead driver left: only a module of the same name may take it over.

import { FNV_OFFSET } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { fnv, strlen } from '../lib/text';

/**
 * Identifies a module of another domain across its deaths, by its name.
 * @param endpoint channel + 1 of the module's domain
 * @returns 0 for this domain, whose modules have no successors
 */
export function owner_hash(endpoint: u32, mod: usize): u32 {
  return endpoint && mod ? hash_of_owner(mod + MOD_NAME) : 0;
}

/** The same hash by the module's name. */
export function hash_of_owner(name: usize): u32 {
  return fnv(FNV_OFFSET, name, strlen(name)) | 1;
}
