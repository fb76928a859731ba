// What a domain keeps of what modules' files declare: names, parameters, symbols, versions. How much a file may declare of each
// is bounded, and looked at before anything is kept. What is kept is accounted to the module (MOD_KEPT) and bounded as well,
// so that no file takes memory from others. It is not the module's own memory (../mm/account.ts): that ends in a report of leaks.

import {
  MAX_MODULE_EXPORTS,
  MAX_MODULE_FILE,
  MAX_MODULE_FUNCTIONS,
  MAX_MODULE_IMPORTS,
  MAX_MODULE_INFO,
  MAX_MODULE_LIBRARIES,
  MAX_MODULE_PARAMETERS,
  MAX_MODULE_SEGMENTS,
  MAX_MODULE_SYMBOLS,
  MODULE_SHARE,
} from '../abi/limits';
import {
  DECLARED_EXPORTS,
  DECLARED_FUNCTIONS,
  DECLARED_IMPORTS,
  DECLARED_INFO,
  DECLARED_LIBRARIES,
  DECLARED_PARAMETERS,
  DECLARED_SEGMENTS,
  DECLARED_SYMBOLS,
  MOD_KEPT,
  MOD_NAME,
} from '../abi/module';
import { E2BIG } from '../abi/errno';
import { LEVEL_ERR } from '../abi/log';
import { kfree, kmalloc_for, ksize } from '../mm/kmalloc';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';

function most_of(what: i32): u32 {
  if (what == DECLARED_PARAMETERS) return MAX_MODULE_PARAMETERS;
  if (what == DECLARED_SYMBOLS) return MAX_MODULE_SYMBOLS;
  if (what == DECLARED_EXPORTS) return MAX_MODULE_EXPORTS;
  if (what == DECLARED_IMPORTS) return MAX_MODULE_IMPORTS;
  if (what == DECLARED_LIBRARIES) return MAX_MODULE_LIBRARIES;
  if (what == DECLARED_FUNCTIONS) return MAX_MODULE_FUNCTIONS;
  if (what == DECLARED_SEGMENTS) return MAX_MODULE_SEGMENTS;
  if (what == DECLARED_INFO) return MAX_MODULE_INFO;
  return MAX_MODULE_FILE;
}

function noun_of(what: i32): usize {
  if (what == DECLARED_PARAMETERS) return cstr('parameters');
  if (what == DECLARED_SYMBOLS) return cstr('exported symbols');
  if (what == DECLARED_EXPORTS) return cstr('exports');
  if (what == DECLARED_IMPORTS) return cstr('imports');
  if (what == DECLARED_LIBRARIES) return cstr('needed libraries');
  if (what == DECLARED_FUNCTIONS) return cstr('functions');
  if (what == DECLARED_SEGMENTS) return cstr('segments');
  if (what == DECLARED_INFO) return cstr('entries of .modinfo');
  return cstr('bytes');
}

/**
 * Whether a file may declare `count` of something. Asked for each of them before module_begin.
 * @param what DECLARED_*
 * @returns 0 or -E2BIG
 */
export function module_declares(name: usize, what: i32, count: u32): i32 {
  const most = most_of(what);
  if (count <= most) return 0;
  pr(LEVEL_ERR, cstr('%s: too many %s: %u, at most %u'), name, noun_of(what), count, most);
  return -E2BIG;
}

/**
 * Memory for what is kept of a module's file.
 * @param mod struct module, 0 for the kernel's own image
 * @returns 0 where there is none, or the module has its share
 */
export function keep_alloc(mod: usize, size: usize): usize {
  const kept: usize = mod ? load<u32>(mod, MOD_KEPT) : 0;
  if (mod && kept + size > <usize>MODULE_SHARE) {
    pr(LEVEL_ERR, cstr('%s: no memory for what it declares: at most %u bytes'), mod + MOD_NAME, MODULE_SHARE);
    return 0;
  }
  const place = kmalloc_for(0, size);
  if (mod && place) store<u32>(mod, <u32>(kept + ksize(place)), MOD_KEPT);
  return place;
}

/** Gives it back; 0 is allowed. */
export function keep_free(mod: usize, place: usize): void {
  if (!place) return;
  if (mod) store<u32>(mod, load<u32>(mod, MOD_KEPT) - <u32>ksize(place), MOD_KEPT);
  kfree(place);
}
