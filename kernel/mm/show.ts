// /proc/meminfo, buddyinfo, slabinfo and vmallocinfo of a domain, in Linux's formats. Show functions of seq files: they
// read, and hold nothing.

import { MACHINE_BASE, MODULES_SIZE, PAGE_SIZE } from '../abi/map';
import { M_MEMORY_SIZE, M_MODULES, M_PAGE_MAP, M_PAGES_FREE, M_SLABS, M_VM_AREAS } from '../abi/machine';
import { MAX_MODULES } from '../abi/limits';
import { MOD_BASE, MOD_NAME, MOD_NEXT } from '../abi/module';
import { SEQ_COUNT } from '../abi/seq';
import {
  CACHE_NAME,
  CACHE_NEXT,
  CACHE_CELL,
  CACHE_PAGES,
  CACHE_SLABS,
  ENTRY_SIZE,
  MAX_ORDER,
  PAGE_SLAB,
  PG_HEAD,
  PG_KIND,
  PG_OBJECTS,
  PG_SHIFT,
  PG_SLAB_PAGES,
  PG_USED,
  VM_ADDRESS,
  VM_ALLOC,
  VM_KIND,
  VM_MODULE,
  VM_NEXT,
  VM_OWNER,
  VM_SIZE,
} from '../abi/heap';
import { cstr } from '../lib/cstr';
import { seq, seq_putc, seq_puts, seq_text } from '../fs/proc/seq';
import { free_blocks } from './buddy';
import { PAGE_SHIFT, pool_pages } from './page';
import { name_of } from './report';

const KIB_OF_PAGE = PAGE_SHIFT - 10;


@inline
function line(m: usize, label: usize, kib: u32): void {
  seq(m, cstr('%-15s %8u kB\n'), label, kib);
}

// What a walk over the page map has counted.
let slab_total: u32 = 0;
let slab_empty: u32 = 0;
let objects_used: u32 = 0;
let objects_all: u32 = 0;
let slabs_used: u32 = 0;

/** Counts slabs and objects: of one cache, or of all (0). */
function count_slabs(cache: usize): void {
  slab_total = slab_empty = objects_used = objects_all = slabs_used = 0;
  const map = <usize>load<u32>(MACHINE_BASE, M_PAGE_MAP);
  const end = map + ((<usize>pool_pages()) << PG_SHIFT);
  for (let page = map; page < end; page += (<usize>1) << PG_SHIFT) {
    if (load<u8>(page, PG_KIND) != PAGE_SLAB || (cache && <usize>load<u32>(page, PG_HEAD) != cache)) continue;
    const pages = <u32>load<u16>(page, PG_SLAB_PAGES);
    const used = load<u32>(page, PG_USED);
    slab_total += pages;
    if (!used) slab_empty += pages;
    else slabs_used++;
    objects_used += used;
    objects_all += load<u16>(page, PG_OBJECTS);
  }
}

/** Pages that the page map itself takes. */
function reserved_pages(): u32 {
  return ((pool_pages() << PG_SHIFT) + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/** Pages in free blocks. */
function pages_free(): u32 {
  let pages: u32 = 0;
  for (let order: u32 = 0; order <= <u32>MAX_ORDER; order++) pages += free_blocks(order) << order;
  return pages;
}

/** Bytes of areas of a kind. */
function area_bytes(kind: u32): u32 {
  let bytes: u32 = 0;
  let area = <usize>load<u32>(MACHINE_BASE, M_VM_AREAS);
  for (; area; area = <usize>load<u32>(area, VM_NEXT))
    if (load<u32>(area, VM_KIND) == kind) bytes += load<u32>(area, VM_SIZE);
  return bytes;
}

/** MemTotal is the pool; the image, the stack and the modules area are no memory that could be given. */
export function meminfo_show(m: usize, _v: usize): i32 {
  count_slabs(0);
  line(m, cstr('MemTotal:'), (pool_pages() - reserved_pages()) << KIB_OF_PAGE);
  line(m, cstr('MemFree:'), pages_free() << KIB_OF_PAGE);
  line(m, cstr('MemAvailable:'), load<u32>(MACHINE_BASE, M_PAGES_FREE) << KIB_OF_PAGE);
  line(m, cstr('Slab:'), slab_total << KIB_OF_PAGE);
  line(m, cstr('SReclaimable:'), slab_empty << KIB_OF_PAGE);
  line(m, cstr('SUnreclaim:'), (slab_total - slab_empty) << KIB_OF_PAGE);
  line(m, cstr('VmallocTotal:'), (MODULES_SIZE >> 10) + (pool_pages() << KIB_OF_PAGE));
  line(m, cstr('VmallocUsed:'), (area_bytes(VM_ALLOC) + area_bytes(VM_MODULE)) >> 10);
  line(m, cstr('DirectMap4k:'), load<u32>(MACHINE_BASE, M_MEMORY_SIZE) >> 10);
  return 0;
}

/** Free blocks by order. */
export function buddyinfo_show(m: usize, _v: usize): i32 {
  seq_puts(m, cstr('Node 0, zone   Normal '));
  for (let order: u32 = 0; order <= <u32>MAX_ORDER; order++) seq(m, cstr('%6u '), free_blocks(order));
  seq_putc(m, 0x0a);
  return 0;
}

export function slabinfo_show(m: usize, _v: usize): i32 {
  seq_puts(m, cstr('slabinfo - version: 2.1\n'));
  seq_puts(m, cstr('# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>'));
  seq_puts(m, cstr(' : tunables <limit> <batchcount> <sharedfactor>'));
  seq_puts(m, cstr(' : slabdata <active_slabs> <num_slabs> <sharedavail>\n'));
  let cache = <usize>load<u32>(MACHINE_BASE, M_SLABS);
  for (; cache; cache = <usize>load<u32>(cache, CACHE_NEXT)) {
    count_slabs(cache);
    const pages = load<u32>(cache, CACHE_PAGES);
    const objects = (pages << PAGE_SHIFT) / (load<u32>(cache, CACHE_CELL) + ENTRY_SIZE);
    const before = load<u32>(m, SEQ_COUNT);
    seq_text(m, cache + CACHE_NAME);
    seq(m, cstr('%*s'), max(0, 17 - <i32>(load<u32>(m, SEQ_COUNT) - before)), cstr(''));
    seq(
      m,
      cstr(' %6u %6u %6u %4u %4u : tunables    0    0    0'),
      objects_used,
      objects_all,
      load<u32>(cache, CACHE_CELL),
      objects,
      pages,
    );
    seq(m, cstr(' : slabdata %6u %6u      0\n'), slabs_used, load<u32>(cache, CACHE_SLABS));
  }
  return 0;
}

/** The module whose data begins at an address. */
function module_at(address: u32): usize {
  let mod = <usize>load<u32>(MACHINE_BASE, M_MODULES);
  for (let i = 0; mod && i < MAX_MODULES; i++) {
    if (load<u32>(mod, MOD_BASE) == address) return mod + MOD_NAME;
    mod = <usize>load<u32>(mod, MOD_NEXT);
  }
  return cstr('load_module');
}

export function vmallocinfo_show(m: usize, _v: usize): i32 {
  let area = <usize>load<u32>(MACHINE_BASE, M_VM_AREAS);
  for (; area; area = <usize>load<u32>(area, VM_NEXT)) {
    const from = load<u32>(area, VM_ADDRESS);
    const size = load<u32>(area, VM_SIZE);
    const vmalloc = load<u32>(area, VM_KIND) == VM_ALLOC;
    seq(
      m,
      cstr('0x%08x-0x%08x %8u %s pages=%u %s\n'),
      from,
      from + size,
      size,
      vmalloc ? name_of(<usize>load<u32>(area, VM_OWNER)) : module_at(from),
      size >> PAGE_SHIFT,
      vmalloc ? cstr('vmalloc') : cstr('module'),
    );
  }
  return 0;
}
