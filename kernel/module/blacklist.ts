// Modules that the kernel refuses to load: Linux's boot option module_blacklist.

import { NAME_SIZE } from '../abi/limits';
import { same_name, strscpy } from '../lib/text';

/** Names, separated by commas. */
const blacklist = memory.data(1024);
const word = memory.data(NAME_SIZE);

/** @param names separated by commas */
export function set_blacklist(names: usize): void {
  strscpy(blacklist, names, 1024);
}

/** Whether a module of that name is refused, `-` and `_` being the same. */
export function blacklisted(name: usize): bool {
  for (let at = blacklist; load<u8>(at);) {
    let length = 0;
    while (load<u8>(at) && load<u8>(at) != 0x2c) {
      if (length < NAME_SIZE - 1) store<u8>(word + length++, load<u8>(at));
      at++;
    }
    store<u8>(word + length, 0);
    if (same_name(word, name)) return true;
    if (load<u8>(at)) at++;
  }
  return false;
}
