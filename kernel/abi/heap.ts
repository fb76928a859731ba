// Layouts of the page map, of slab caches and of their objects. Read by both compilers: constants only.

// struct page, one for each 4 KiB of the pool. All of them lie in the pool's first pages (M_PAGE_MAP).
//
//    0  u8  kind       PAGE_…
//    1  u8  order      of a free block, in its first page
//    2  u8  flags      PAGE_POISONED
//    4  u32 next       free block: next of its order; slab: next of its cache's partial list
//    8  u32 previous   the place that points here: a list head or another page's `next`
//   12  u32 head       tail: struct page of the first page; slab: its cache; run: the module it is accounted to
//   16  u32 free       slab: entry of the first free object; run: bytes that count for it
//   20  u32 used       slab: objects in use; run: its pages
//   24  u32 entries    slab: its entries
//   28  u32 objects    slab: objects in low, pages in high half; run: GFP flags it was asked for with
//
export const PG_KIND = 0;
export const PG_ORDER = 1;
export const PG_FLAGS = 2;
export const PG_NEXT = 4;
export const PG_PREVIOUS = 8;
export const PG_HEAD = 12;
export const PG_OWNER = 12;
export const PG_FREE = 16;
export const PG_BYTES = 16;
export const PG_USED = 20;
export const PG_PAGES = 20;
export const PG_ENTRIES = 24;
export const PG_OBJECTS = 28;
export const PG_SLAB_PAGES = 30;
export const PG_SHIFT = 5;
export const PG_SIZE = 32;

/** Any page of a free block but the first. */
export const PAGE_FREE = 0;
/** First page of a free block of 1 << order pages, aligned to its size. */
export const PAGE_BUDDY = 1;
/** Any page but the first of what is in use. */
export const PAGE_TAIL = 2;
/** First page of a slab. */
export const PAGE_SLAB = 3;
/** First page of a run that holds one large kmalloc object. */
export const PAGE_LARGE = 4;
/** First page of what __get_free_pages gave. */
export const PAGE_PAGES = 5;
/** First page of a vmalloc area. */
export const PAGE_VMALLOC = 6;
/** The page map's own. */
export const PAGE_RESERVED = 7;
/** Was filled with POISON_FREE when it was freed. */
export const PAGE_POISONED = 1;

/** Orders of blocks are 0 to MAX_ORDER. */
export const MAX_ORDER = 10;

// A free area for each order, at M_FREE_AREAS: first block (struct page), count.
export const AREA_FIRST = 0;
export const AREA_COUNT = 4;
export const AREA_SIZE = 8;

// struct kmem_cache; all are on a list from M_SLABS.
//
// A slab has its objects' cells from its first byte on, then an entry for each. A cell is: red zone in front, payload, red
// zone behind it up to CACHE_TRACK, tracks; all but the payload only where the cache is debugged.
//
export const CACHE_NEXT = 0;
/** SLUB_… */
export const CACHE_FLAGS = 4;
/** Bytes that an object may use. */
export const CACHE_OBJECT = 8;
/** Bytes from one cell to the next. */
export const CACHE_CELL = 12;
/** ceil(2^32 / cell), to divide by. */
export const CACHE_RECIPROCAL = 16;
/** Bytes of the red zone in front of the payload. */
export const CACHE_LEFT = 20;
/** Where in a cell the red zone ends and the tracks begin. */
export const CACHE_TRACK = 24;
/** Pages of a slab. */
export const CACHE_PAGES = 28;
/** Pages where there is no run of CACHE_PAGES: what one object needs. */
export const CACHE_MIN_PAGES = 32;
/** First slab with a free object: struct page. */
export const CACHE_PARTIAL = 36;
/** Slabs without an object that are kept: 0 or 1. */
export const CACHE_EMPTY = 40;
/** Slabs of it. */
export const CACHE_SLABS = 44;
/** struct module that made it, 0 for the kernel. */
export const CACHE_OWNER = 48;
/** Table index of (object) -> void, 0 for none. */
export const CACHE_CTOR = 52;
export const CACHE_ALIGN = 56;
/** FNV-1a over what never changes: CACHE_OBJECT to CACHE_MIN_PAGES and the name. */
export const CACHE_CHECKSUM = 60;
export const CACHE_NAME = 64; // CACHE_NAME_SIZE bytes
export const CACHE_NAME_SIZE = 32;
export const CACHE_SIZE = 96;
/** Caches that a walk over a damaged list visits at most. */
export const MAX_CACHES = 1024;

// An object's entry. Of a free object: the next free object's entry (0 at the end), and ENTRY_FREE.
export const ENTRY_OWNER = 0;
export const ENTRY_NEXT = 0;
/** Bytes asked for. */
export const ENTRY_BYTES = 4;
export const ENTRY_SHIFT = 3;
export const ENTRY_SIZE = 8;
export const ENTRY_FREE = 0xffffffff;
/** Free, but damaged: never handed out again. */
export const ENTRY_LOST = 0xfffffffe;

// A track: who allocated the object, then who freed it last: struct module, then operation in the low byte and a count of
// tracked events above.
export const TRACK_SIZE = 8;

// A vm area, of the modules area or of vmalloc; a list sorted by address from M_VM_AREAS.
export const VM_NEXT = 0;
export const VM_ADDRESS = 4;
/** Bytes, whole pages. */
export const VM_SIZE = 8;
/** Bytes asked for. */
export const VM_BYTES = 12;
export const VM_OWNER = 16;
/** VM_ALLOC or VM_MODULE. */
export const VM_KIND = 20;
export const VM_STRUCT_SIZE = 24;
export const VM_ALLOC = 1;
export const VM_MODULE = 2;

/** Slabs' debugging, as Linux's slub_debug: what is in force is in M_SLUB_DEBUG. */
export const SLUB_CONSISTENCY = 1; // F
export const SLUB_RED_ZONE = 2; // Z
export const SLUB_POISON = 4; // P
export const SLUB_STORE_USER = 8; // U
export const SLUB_ALL = 15;
/** In the boot argument: no debugging. 0 stands for the default, SLUB_ALL. */
export const SLUB_OFF = 16;

/** Bytes of a red zone in front of an object, and the least behind it. */
export const RED_LEFT = 16;
export const RED_RIGHT = 8;

/** kmalloc's largest object in bytes. */
export const KMALLOC_MAX = 0x400000;
/** Largest object of a kmalloc cache; beyond it kmalloc takes whole pages. */
export const KMALLOC_MAX_CACHE = 4096;
/** What kmalloc(0) answers, as Linux: a pointer that must not be followed and may be freed. */
export const ZERO_SIZE_PTR = 16;

export const POISON_INUSE = 0x5a;
export const POISON_FREE = 0x6b;
export const POISON_END = 0xa5;
export const RED_INACTIVE = 0xbb;
export const RED_ACTIVE = 0xcc;
