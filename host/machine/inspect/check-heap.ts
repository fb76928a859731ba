// The integrity check's look at the heap: page map, free blocks, slab caches, areas (kernel/abi/heap.ts). Every page is
// somebody's, once; every list holds what it should and nothing else; what is counted is there; and where slabs are
// debugged, red zones and poison are whole.
//
// Whatever lies in memory, every walk is bounded by the number of pages, entries or caches.

import {
  AREA_COUNT,
  AREA_FIRST,
  AREA_SIZE,
  CACHE_CELL,
  CACHE_CHECKSUM,
  CACHE_CTOR,
  CACHE_EMPTY,
  CACHE_FLAGS,
  CACHE_LEFT,
  CACHE_MIN_PAGES,
  CACHE_NAME,
  CACHE_NAME_SIZE,
  CACHE_NEXT,
  CACHE_OBJECT,
  CACHE_PARTIAL,
  CACHE_SIZE,
  CACHE_SLABS,
  CACHE_TRACK,
  ENTRY_BYTES,
  ENTRY_FREE,
  ENTRY_LOST,
  ENTRY_NEXT,
  ENTRY_OWNER,
  ENTRY_SIZE,
  MAX_CACHES,
  MAX_ORDER,
  PAGE_BUDDY,
  PAGE_FREE,
  PAGE_LARGE,
  PAGE_PAGES,
  PAGE_POISONED,
  PAGE_RESERVED,
  PAGE_SLAB,
  PAGE_TAIL,
  PAGE_VMALLOC,
  PG_BYTES,
  PG_ENTRIES,
  PG_FLAGS,
  PG_FREE,
  PG_HEAD,
  PG_KIND,
  PG_NEXT,
  PG_OBJECTS,
  PG_ORDER,
  PG_OWNER,
  PG_PAGES,
  PG_PREVIOUS,
  PG_SIZE,
  PG_SLAB_PAGES,
  PG_USED,
  POISON_END,
  POISON_FREE,
  RED_ACTIVE,
  RED_INACTIVE,
  RED_LEFT,
  SLUB_POISON,
  SLUB_RED_ZONE,
  VM_ADDRESS,
  VM_NEXT,
  VM_SIZE,
} from '../../../kernel/abi/heap.ts';
import {
  M_BYTES_USED,
  M_FREE_AREAS,
  M_PAGE_MAP,
  M_PAGES_FREE,
  M_POOL_END,
  M_SLABS,
  M_SLUB_DEBUG,
  M_VM_AREAS,
} from '../../../kernel/abi/machine.ts';
import { MACHINE_BASE, MODULES_BASE, PAGE_SIZE, POOL_BASE } from '../../../kernel/abi/map.ts';
import { hex, type Findings } from './findings.ts';
import { fnv, type Memory } from '../shared/memory-view.ts';

const MAP_CHANGED = 'page map changed';

class HeapCheck {
  private readonly memory: Memory;
  private readonly found: Findings;
  private readonly pages: number;
  /** Caches that are whole, by address: slabs found, and which of them have a free object. */
  private readonly caches = new Map<number, { slabs: number; empty: number; partial: Set<number> }>();
  /** First pages of free blocks, by order. */
  private readonly blocks = Array.from({ length: MAX_ORDER + 1 }, () => new Set<number>());
  private readonly areas = new Set<number>();
  private free = 0;
  private used = 0;

  constructor(memory: Memory, found: Findings) {
    this.memory = memory;
    this.found = found;
    const end = this.word(M_POOL_END);
    this.pages = Math.max(0, Math.floor((Math.min(end, memory.size) - POOL_BASE) / PAGE_SIZE));
    if (this.word(M_PAGE_MAP) !== POOL_BASE) found.add(MAP_CHANGED, hex(MACHINE_BASE + M_PAGE_MAP));
  }

  private word(offset: number): number {
    return this.memory.u32(MACHINE_BASE + offset);
  }

  private u16(address: number): number {
    return this.memory.u32(address) & 0xffff;
  }

  private page(index: number): number {
    return POOL_BASE + index * PG_SIZE;
  }

  private address(page: number): number {
    return POOL_BASE + ((page - POOL_BASE) / PG_SIZE) * PAGE_SIZE;
  }

  run(): void {
    this.readCaches();
    for (let index = 0; index < this.pages;) index += this.readRun(index);
    this.checkAreas();
    for (const [cache, about] of this.caches) this.checkCache(cache, about);
    this.checkFreeLists();
    this.checkCounts();
  }

  private readCaches(): void {
    let cache = this.word(M_SLABS);
    for (let i = 0; cache !== 0; i++, cache = this.memory.u32(cache + CACHE_NEXT)) {
      const sum = fnv(this.memory, cache + CACHE_OBJECT, CACHE_MIN_PAGES + 4 - CACHE_OBJECT);
      const whole = fnv(this.memory, cache + CACHE_NAME, CACHE_NAME_SIZE, sum);
      if (
        i >= MAX_CACHES ||
        this.caches.has(cache) ||
        cache + CACHE_SIZE > this.memory.size ||
        whole !== this.memory.u32(cache + CACHE_CHECKSUM)
      ) {
        this.found.add('slab cache changed', hex(cache));
        return;
      }
      this.caches.set(cache, { slabs: 0, empty: 0, partial: new Set() });
    }
  }

  /** What begins with a page. @returns how many pages it has */
  private readRun(index: number): number {
    const page = this.page(index);
    const kind = this.memory.u8(page + PG_KIND);
    const changed = (): number => {
      this.found.add(MAP_CHANGED, hex(page));
      // Of a run whose first page is lost one page is enough to tell.
      let next = index + 1;
      while (next < this.pages && [PAGE_TAIL, PAGE_FREE].includes(this.memory.u8(this.page(next)))) next++;
      return next - index;
    };
    if (kind === PAGE_BUDDY) {
      const order = this.memory.u8(page + PG_ORDER);
      const count = 2 ** order;
      const aligned = (this.address(page) / PAGE_SIZE) % count === 0;
      if (order > MAX_ORDER || !aligned || index + count > this.pages) return changed();
      for (let i = 1; i < count; i++)
        if (this.memory.u8(this.page(index + i) + PG_KIND) !== PAGE_FREE) return changed();
      this.blocks[order]!.add(page);
      this.free += count;
      for (let i = 0; i < count; i++) this.checkPoisonedPage(this.page(index + i));
      return count;
    }
    const count =
      kind === PAGE_RESERVED
        ? Math.ceil((this.pages * PG_SIZE) / PAGE_SIZE)
        : kind === PAGE_SLAB
          ? this.u16(page + PG_SLAB_PAGES)
          : kind === PAGE_LARGE || kind === PAGE_PAGES || kind === PAGE_VMALLOC
            ? this.memory.u32(page + PG_PAGES)
            : 0;
    if (count === 0 || index + count > this.pages || (kind === PAGE_RESERVED && index > 0)) return changed();
    for (let i = 1; i < count; i++) {
      const tail = this.page(index + i);
      if (this.memory.u8(tail + PG_KIND) !== PAGE_TAIL || this.memory.u32(tail + PG_HEAD) !== page) {
        this.found.add(MAP_CHANGED, hex(tail));
        return i;
      }
    }
    if (kind === PAGE_SLAB) this.checkSlab(page, count);
    else if (kind !== PAGE_RESERVED) this.checkRun(page, kind, count);
    return count;
  }

  private checkPoisonedPage(page: number): void {
    if ((this.memory.u8(page + PG_FLAGS) & PAGE_POISONED) === 0) return;
    const from = this.address(page);
    const at = this.otherThan(from, from + PAGE_SIZE, POISON_FREE);
    if (at !== null) this.found.add('write to freed memory', hex(at));
  }

  private checkRun(page: number, kind: number, count: number): void {
    const bytes = this.memory.u32(page + PG_BYTES);
    const from = this.address(page);
    if (bytes > count * PAGE_SIZE || this.memory.u32(page + PG_OWNER) >= this.memory.size) {
      this.found.add(MAP_CHANGED, hex(page));
      return;
    }
    this.used += bytes;
    if (kind === PAGE_VMALLOC) this.areas.add(from);
    if (kind !== PAGE_LARGE || (this.word(M_SLUB_DEBUG) & SLUB_RED_ZONE) === 0) return;
    this.checkRed(from, from + RED_LEFT, RED_ACTIVE);
    this.checkRed(from + RED_LEFT + bytes, from + count * PAGE_SIZE, RED_ACTIVE);
  }

  /** @returns the first byte in the range that is not `byte`, or null */
  private otherThan(from: number, to: number, byte: number): number | null {
    for (let at = from; at < to; at++) if (this.memory.u8(at) !== byte) return at;
    return null;
  }

  private checkRed(from: number, to: number, byte: number): boolean {
    const at = this.otherThan(from, to, byte);
    if (at !== null) this.found.add('red zone overwritten', hex(at));
    return at === null;
  }

  private checkSlab(page: number, count: number): void {
    const { memory } = this;
    const cache = memory.u32(page + PG_HEAD);
    const about = this.caches.get(cache);
    const base = this.address(page);
    const objects = this.u16(page + PG_OBJECTS);
    const entries = memory.u32(page + PG_ENTRIES);
    if (!about || objects === 0) {
      this.found.add(MAP_CHANGED, hex(page));
      return;
    }
    const cell = memory.u32(cache + CACHE_CELL);
    if (entries !== base + objects * cell || entries + objects * ENTRY_SIZE > base + count * PAGE_SIZE) {
      this.found.add(MAP_CHANGED, hex(page));
      return;
    }
    const free = new Set<number>();
    for (let i = 0; i < objects; i++) {
      const entry = entries + i * ENTRY_SIZE;
      if (memory.u32(entry + ENTRY_BYTES) === ENTRY_FREE) free.add(entry);
      this.checkObject(cache, entry, base + i * cell + memory.u32(cache + CACHE_LEFT));
    }
    // The chain holds each free object once, and nothing else.
    const reached = new Set<number>();
    let entry = memory.u32(page + PG_FREE);
    while (free.has(entry) && !reached.has(entry)) {
      reached.add(entry);
      entry = memory.u32(entry + ENTRY_NEXT);
    }
    const used = memory.u32(page + PG_USED);
    if (entry !== 0 || reached.size !== free.size || used !== objects - free.size)
      this.found.add(
        'slab chain broken',
        `${reached.size} of ${objects - used} free objects at ${hex(base)}`,
      );
    about.slabs++;
    if (free.size > 0) about.partial.add(page);
    if (used > 0) return;
    about.empty++;
    this.free += count;
  }

  private checkObject(cache: number, entry: number, object: number): void {
    const { memory } = this;
    const bytes = memory.u32(entry + ENTRY_BYTES);
    const size = memory.u32(cache + CACHE_OBJECT);
    const left = memory.u32(cache + CACHE_LEFT);
    const flags = memory.u32(cache + CACHE_FLAGS);
    const end = object - left + memory.u32(cache + CACHE_TRACK);
    if (bytes === ENTRY_LOST) return;
    if (bytes !== ENTRY_FREE) {
      if (bytes > size || memory.u32(entry + ENTRY_OWNER) >= memory.size) {
        this.found.add('object entry overwritten', hex(entry));
        return;
      }
      this.used += bytes;
      if (flags & SLUB_RED_ZONE && this.checkRed(object - left, object, RED_ACTIVE))
        this.checkRed(object + bytes, end, RED_ACTIVE);
      return;
    }
    const at =
      (flags & SLUB_RED_ZONE ? this.otherThan(object - left, object, RED_INACTIVE) : null) ??
      (flags & SLUB_POISON && memory.u32(cache + CACHE_CTOR) === 0
        ? (this.otherThan(object, object + size - 1, POISON_FREE) ??
          this.otherThan(object + size - 1, object + size, POISON_END))
        : null) ??
      (flags & SLUB_RED_ZONE ? this.otherThan(object + size, end, RED_INACTIVE) : null);
    if (at !== null) this.found.add('write to freed memory', hex(at));
  }

  /** A list of pages: each is in `wanted`, points back, and comes once. @returns how many there are, or -1 */
  private walk(list: number, wanted: ReadonlySet<number>): number {
    const seen = new Set<number>();
    let previous = list;
    let page = this.memory.u32(list);
    while (page !== 0) {
      if (!wanted.has(page) || seen.has(page)) return -1;
      if (this.memory.u32(page + PG_PREVIOUS) !== previous) return -1;
      seen.add(page);
      previous = page + PG_NEXT;
      page = this.memory.u32(previous);
    }
    return seen.size;
  }

  private checkCache(
    cache: number,
    { slabs, empty, partial }: { slabs: number; empty: number; partial: Set<number> },
  ): void {
    const name = this.memory.text(cache + CACHE_NAME, CACHE_NAME_SIZE);
    const reached = this.walk(cache + CACHE_PARTIAL, partial);
    if (reached !== partial.size)
      this.found.add('slab list broken', `${name}, ${reached} of ${partial.size} partial slabs`);
    const counted = this.memory.u32(cache + CACHE_SLABS);
    if (counted !== slabs || this.memory.u32(cache + CACHE_EMPTY) !== empty)
      this.found.add('slabs miscounted', `${name}, ${counted} for ${slabs}`);
  }

  private checkFreeLists(): void {
    const areas = this.word(M_FREE_AREAS);
    this.blocks.forEach((blocks, order) => {
      const area = areas + order * AREA_SIZE;
      const reached = this.walk(area + AREA_FIRST, blocks);
      const counted = this.memory.u32(area + AREA_COUNT);
      if (reached !== blocks.size || counted !== blocks.size) {
        const reachedText = reached < 0 ? 'not all' : String(reached);
        this.found.add(
          'free list broken',
          `order ${order}, ${reachedText} of ${blocks.size} blocks reached, ${counted} counted`,
        );
      }
      if (order === MAX_ORDER) return;
      const size = PG_SIZE * 2 ** order;
      for (const page of blocks) {
        const upper = (this.address(page) / PAGE_SIZE / 2 ** order) % 2 === 1;
        if (!upper && blocks.has(page + size))
          this.found.add('free blocks not joined', `${hex(this.address(page))}, order ${order}`);
      }
    });
  }

  private checkAreas(): void {
    let area = this.word(M_VM_AREAS);
    let end = MODULES_BASE;
    let count = 0;
    let allocated = 0;
    for (; area !== 0; area = this.memory.u32(area + VM_NEXT)) {
      const from = this.memory.u32(area + VM_ADDRESS);
      const size = this.memory.u32(area + VM_SIZE);
      const vmalloc = from >= POOL_BASE;
      const overlaps = from < end || size === 0 || from + size > (vmalloc ? this.memory.size : POOL_BASE);
      if (overlaps || (vmalloc && !this.areas.has(from)) || ++count > this.pages) {
        this.found.add('list of areas broken', hex(area));
        return;
      }
      if (vmalloc) allocated++;
      end = from + size;
    }
    if (allocated !== this.areas.size)
      this.found.add('list of areas broken', `${allocated} of ${this.areas.size} vmalloc areas reached`);
  }

  private checkCounts(): void {
    const free = this.word(M_PAGES_FREE);
    const used = this.word(M_BYTES_USED);
    if (this.free !== free) this.found.add('free pages miscounted', `${free} for ${this.free}`);
    else if (free === 0) this.found.add('no memory left', `${this.used} bytes handed out`);
    if (this.used !== used) this.found.add('memory miscounted', `${used} bytes for ${this.used}`);
  }
}

/** Checks a domain's heap. */
export function checkHeap(memory: Memory, found: Findings): void {
  new HeapCheck(memory, found).run();
}
