// The symbol table of a domain: chained hashing, entries from kmalloc. A function's value is its slot in the table.

import { MACHINE_BASE } from '../abi/map';
import { M_SYMBOLS, M_SYMBOL_COUNT } from '../abi/machine';
import { SYMBOL_BUCKETS, NAME_SIZE } from '../abi/limits';
import {
  SYM_NEXT,
  SYM_HASH,
  SYM_VALUE,
  SYM_OWNER,
  SYM_FLAGS,
  SYM_CRC,
  SYM_NAME,
  SYM_SIZE,
} from '../abi/module';
import { ENOMEM, EEXIST, ENAMETOOLONG } from '../abi/errno';
import { kmalloc_for, kfree } from '../mm/kmalloc';
import { fnv_text, same_text, strlen, strscpy } from '../lib/text';

const buckets = memory.data(SYMBOL_BUCKETS << 2);

export function symbols_init(): void {
  store<u32>(MACHINE_BASE, <u32>buckets, M_SYMBOLS);
}


@inline
function bucket_of(hash: u32): usize {
  return buckets + ((hash & (SYMBOL_BUCKETS - 1)) << 2);
}

/** @returns the symbol's entry, or 0 */
export function find_symbol(name: usize): usize {
  const hash = fnv_text(name);
  let entry = <usize>load<u32>(bucket_of(hash));
  for (; entry; entry = <usize>load<u32>(entry, SYM_NEXT)) {
    if (load<u32>(entry, SYM_HASH) == hash && same_text(entry + SYM_NAME, name)) return entry;
  }
  return 0;
}

/** @returns 0, -EEXIST, -ENOMEM or -ENAMETOOLONG */
export function add_symbol(owner: usize, name: usize, value: u32, flags: u32, crc: u32): i32 {
  if (strlen(name) >= NAME_SIZE) return -ENAMETOOLONG;
  if (find_symbol(name)) return -EEXIST;
  const entry = kmalloc_for(0, SYM_SIZE);
  if (!entry) return -ENOMEM;
  const hash = fnv_text(name);
  const bucket = bucket_of(hash);
  store<u32>(entry, load<u32>(bucket), SYM_NEXT);
  store<u32>(entry, hash, SYM_HASH);
  store<u32>(entry, value, SYM_VALUE);
  store<u32>(entry, <u32>owner, SYM_OWNER);
  store<u32>(entry, flags, SYM_FLAGS);
  store<u32>(entry, crc, SYM_CRC);
  strscpy(entry + SYM_NAME, name, NAME_SIZE);
  store<u32>(bucket, <u32>entry);
  store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_SYMBOL_COUNT) + 1, M_SYMBOL_COUNT);
  return 0;
}

/** Takes back every symbol that `owner` exported. */
export function remove_symbols(owner: usize): void {
  for (let i = 0; i < SYMBOL_BUCKETS; i++) {
    let link = buckets + ((<usize>i) << 2);
    for (let entry = <usize>load<u32>(link); entry; entry = <usize>load<u32>(link)) {
      if (<usize>load<u32>(entry, SYM_OWNER) != owner) {
        link = entry + SYM_NEXT;
        continue;
      }
      store<u32>(link, load<u32>(entry, SYM_NEXT));
      kfree(entry);
      store<u32>(MACHINE_BASE, load<u32>(MACHINE_BASE, M_SYMBOL_COUNT) - 1, M_SYMBOL_COUNT);
    }
  }
}
