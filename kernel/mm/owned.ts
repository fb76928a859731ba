// What a module forgot, when it is unloaded: listed in the log, and freed. Objects, pages, areas, and at last its caches.

import { MACHINE_BASE } from '../abi/map';
import { M_PAGE_MAP, M_SLABS } from '../abi/machine';
import { MOD_NAME, MOD_OBJECTS } from '../abi/module';
import {
  CACHE_CELL,
  CACHE_LEFT,
  CACHE_NAME,
  CACHE_NEXT,
  CACHE_OWNER,
  ENTRY_BYTES,
  ENTRY_LOST,
  ENTRY_OWNER,
  ENTRY_SHIFT,
  PAGE_LARGE,
  PAGE_PAGES,
  PAGE_SLAB,
  PAGE_VMALLOC,
  PG_BYTES,
  PG_ENTRIES,
  PG_HEAD,
  PG_KIND,
  PG_OBJECTS,
  PG_OWNER,
  PG_SHIFT,
} from '../abi/heap';
import { LEVEL_WARNING } from '../abi/log';
import { cstr } from '../lib/cstr';
import { pr } from '../lib/printk';
import { cache_adopt, cache_end, is_cache } from './caches';
import { debug_large_used, large_left } from './debug';
import { page_address, pool_pages } from './page';
import { free_owned_run } from './pages';
import { cache_put } from './slab';
import { vfree } from './vmalloc';

/** Lines in the log; what is beyond is only counted. */
const SHOWN = 16;

let shown: i32 = 0;

function tell(owner: usize, what: usize, address: usize, bytes: u32): void {
  if (shown++ >= SHOWN) return;
  pr(LEVEL_WARNING, cstr('%s: forgot %s at 0x%08x, %u bytes'), owner + MOD_NAME, what, address, bytes);
}

/** Objects of a slab. Structs of caches are left: they are ended when their objects are gone. */
function free_objects(page: usize, owner: usize): void {
  const cache = <usize>load<u32>(page, PG_HEAD);
  const entries = <usize>load<u32>(page, PG_ENTRIES);
  const count = <u32>load<u16>(page, PG_OBJECTS);
  const first = page_address(page) + load<u32>(cache, CACHE_LEFT);
  const cell = load<u32>(cache, CACHE_CELL);
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + (i << ENTRY_SHIFT);
    const bytes = load<u32>(entry, ENTRY_BYTES);
    if (bytes >= ENTRY_LOST || <usize>load<u32>(entry, ENTRY_OWNER) != owner) continue;
    const object = first + i * cell;
    if (is_cache(object)) continue;
    tell(owner, cache + CACHE_NAME, object, bytes);
    cache_put(page, cache, entry, object);
    // The slab may be gone with its last object.
    if (load<u8>(page, PG_KIND) != PAGE_SLAB) return;
  }
}

function free_caches(owner: usize): void {
  let cache = <usize>load<u32>(MACHINE_BASE, M_SLABS);
  while (cache) {
    const next = <usize>load<u32>(cache, CACHE_NEXT);
    if (<usize>load<u32>(cache, CACHE_OWNER) == owner) {
      pr(LEVEL_WARNING, cstr('%s: forgot cache %s'), owner + MOD_NAME, cache + CACHE_NAME);
      if (!cache_end(cache)) orphan(cache);
    }
    cache = next;
  }
}

/** Others have objects of it: it becomes the kernel's and stays. */
function orphan(cache: usize): void {
  pr(LEVEL_WARNING, cstr('cache %s has objects of others and stays'), cache + CACHE_NAME);
  cache_adopt(cache);
}

/** Frees everything that `owner` still holds. */
export function free_owned(owner: usize): void {
  if (!load<u32>(owner, MOD_OBJECTS)) return;
  shown = 0;
  const map = <usize>load<u32>(MACHINE_BASE, M_PAGE_MAP);
  const end = map + ((<usize>pool_pages()) << PG_SHIFT);
  for (let page = map; page < end; page += (<usize>1) << PG_SHIFT) {
    const kind = load<u8>(page, PG_KIND);
    if (kind == PAGE_SLAB) free_objects(page, owner);
    if (kind != PAGE_LARGE && kind != PAGE_PAGES && kind != PAGE_VMALLOC) continue;
    if (<usize>load<u32>(page, PG_OWNER) != owner) continue;
    const at = page_address(page);
    const bytes = load<u32>(page, PG_BYTES);
    if (kind == PAGE_VMALLOC) {
      tell(owner, cstr('vmalloc area'), at, bytes);
      vfree(at);
    } else if (kind == PAGE_LARGE) {
      tell(owner, cstr('kmalloc-large'), at + large_left(), bytes);
      debug_large_used(page);
      free_owned_run(page);
    } else {
      tell(owner, cstr('pages'), at, bytes);
      free_owned_run(page);
    }
  }
  if (shown > SHOWN) pr(LEVEL_WARNING, cstr('%s: and %u more'), owner + MOD_NAME, shown - SHOWN);
  free_caches(owner);
}
