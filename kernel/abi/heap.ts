// Layouts of the page map and of kmalloc's objects. Read by both compilers: constants only.

// One u32 per page of the pool: 0 free; else kind in the low byte and, in the first page of a run, its length in pages above.
export const PAGE_FREE = 0;
/** First page of a run. */
export const PAGE_HEAD = 1;
/** Any other page of a run. */
export const PAGE_TAIL = 2;
/** A page of a slab; its size class above. */
export const PAGE_SLAB = 3;
/** A run that holds one large kmalloc object. */
export const PAGE_LARGE = 4;
export const PAGE_VALUE_SHIFT = 8;

// An object: header, red zone, payload, red zone up to the end of its cell.
//
//    0  u32 magic      OBJECT_USED or OBJECT_FREE
//    4  u32 size       bytes asked for
//    8  u32 owner      struct module, 0 for the kernel; next free object while free
//   12  u32 red zone
//   16  payload
//    …  red zone, at least 4 bytes
//
export const OBJECT_MAGIC = 0;
export const OBJECT_BYTES = 4;
export const OBJECT_OWNER = 8;
export const OBJECT_RED = 12;
export const OBJECT_HEADER = 16;
export const OBJECT_TRAILER = 4;
export const OBJECT_USED = 0x5553454f;
export const OBJECT_FREE = 0x45455246;

/** Cells of a slab class c have 32 << c bytes; classes 0..SLAB_CLASSES-1. */
export const SLAB_CLASSES = 7;
export const SLAB_MIN = 32;
/** kmalloc's largest object in bytes. */
export const KMALLOC_MAX = 0x1000000;

export const POISON_FREE = 0x6b;
export const POISON_END = 0xa5;
export const RED_ACTIVE = 0xcc;
export const RED_ACTIVE_WORD = 0xcccccccc;
