// Memory of the domain the driver lives in.

/** @returns `size` bytes aligned to 16, not cleared, or 0 when there is no memory */
@external("env", "kmalloc")
export declare function kmalloc(size: usize): usize;

/** kmalloc, cleared. */
@external("env", "kzalloc")
export declare function kzalloc(size: usize): usize;

/** Gives memory back; 0 is allowed. */
@external("env", "kfree")
export declare function kfree(pointer: usize): void;
