// GFP flags, Linux's bits: what an allocation may do and what it must give. Read by both compilers: constants only.

/** May use what is kept for those who cannot wait. */
export const __GFP_HIGH = 0x20;
export const __GFP_IO = 0x40;
export const __GFP_FS = 0x80;
/** Cleared. */
export const __GFP_ZERO = 0x100;
/** May take empty slabs away from their caches. */
export const __GFP_DIRECT_RECLAIM = 0x400;
export const __GFP_KSWAPD_RECLAIM = 0x800;
/** A failure is not worth a line in the log. */
export const __GFP_NOWARN = 0x2000;
export const __GFP_NORETRY = 0x10000;

/** For a caller that may wait. */
export const GFP_KERNEL = 0xcc0;
/** For a caller that must not wait: takes what is free at once. */
export const GFP_ATOMIC = 0x820;
export const GFP_NOWAIT = 0x800;
