// The data store: what a driver leaves with the kernel for its successor, under keys of its own. A driver in a domain of its
// own that has died is loaded anew; what it has published is still there, and nobody else sees it. What is removed by rmmod
// leaves nothing behind. Functions answer with a negative errno where they fail.
//
// A key has at most 31 bytes. A driver may have 64 of them, all drivers together 512 (-ENOSPC).

/** How the driver comes to be loaded: init_module is to look. */
export const INIT_FRESH: i32 = 0;
/** Its predecessor has died; what that had published can be retrieved. */
export const INIT_RESTART: i32 = 1;
/** Its predecessor has been unloaded for this one. */
export const INIT_LIVE_UPDATE: i32 = 2;

/** @returns INIT_… */
@external("env", "init_mode")
export declare function init_mode(): i32;


@external("env", "ds_publish_u32")
export declare function ds_publish_u32(key: usize, value: u32): i32;

/** At most 480 bytes, which are copied. */
@external("env", "ds_publish_bytes")
export declare function ds_publish_bytes(key: usize, from: usize, length: usize): i32;

/**
 * A range of the driver's own memory, as it will be when the driver dies: published once, it is written as any memory. The
 * successor retrieves it in its init_module, and publishes its own: when it is live, the old range is gone.
 */
@external("env", "ds_publish_range")
export declare function ds_publish_range(key: usize, address: usize, length: usize): i32;

/** @returns 0, -ENOENT, -EINVAL (it is of another type) */
@external("env", "ds_retrieve_u32")
export declare function ds_retrieve_u32(key: usize, to: usize): i32;

/** @returns bytes; -ENOENT, -EINVAL, -E2BIG where they are more than `size` */
@external("env", "ds_retrieve_bytes")
export declare function ds_retrieve_bytes(key: usize, to: usize, size: usize): i32;

/** Copies the predecessor's range, at most `size` bytes of it. @returns bytes; -ENOENT, -EINVAL */
@external("env", "ds_retrieve_range")
export declare function ds_retrieve_range(key: usize, to: usize, size: usize): i32;

/** @returns how often the key was published, or -ENOENT */
@external("env", "ds_version")
export declare function ds_version(key: usize): i32;

/** @returns 0 or -ENOENT */
@external("env", "ds_delete")
export declare function ds_delete(key: usize): i32;
