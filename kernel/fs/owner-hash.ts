// Who may take over what a dead driver left: a module of the same name, and nobody else.

import { FNV_OFFSET } from '../abi/log';
import { MOD_NAME } from '../abi/module';
import { fnv, strlen } from '../lib/text';

/**
 * Tells modules of other domains apart across their deaths, by their names.
 * @param endpoint channel + 1 of the module's domain
 * @returns 0 for this domain, whose modules do not die alone
 */
export function owner_hash(endpoint: u32, mod: usize): u32 {
  return endpoint && mod ? hash_of_owner(mod + MOD_NAME) : 0;
}

/** The same of a module of another domain, by its name. */
export function hash_of_owner(name: usize): u32 {
  return fnv(FNV_OFFSET, name, strlen(name)) | 1;
}
