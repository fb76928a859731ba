// The caller's memory. A user pointer is valid during the call it came with, for the range and the direction of that call.
// Each function returns how many bytes could not be copied: 0, or all of them when the range is not the caller's.

@external("env", "copy_to_user")
export declare function copy_to_user(to: usize, from: usize, count: usize): usize;


@external("env", "copy_from_user")
export declare function copy_from_user(to: usize, from: usize, count: usize): usize;

/** Fills a range with zeros. */
@external("env", "clear_user")
export declare function clear_user(to: usize, count: usize): usize;
