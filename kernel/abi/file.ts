// Layouts of the device switch: struct file_operations and struct file as drivers see them (C layout), then the
// kernel's own device. Offsets in bytes. Read by both compilers: constants only.

// struct file_operations: table indices, 0 where the driver has none.
export const FOPS_LLSEEK = 0; // (file, i64 offset, whence) -> i64
export const FOPS_READ = 4; // (file, to, count, position*) -> i32
export const FOPS_WRITE = 8; // (file, from, count, position*) -> i32
export const FOPS_IOCTL = 12; // (file, command, argument) -> i32
export const FOPS_OPEN = 16; // (file) -> i32
export const FOPS_RELEASE = 20; // (file) -> i32
/** FOP_ bits. */
export const FOPS_FLAGS = 24;
export const FOPS_SIZE = 28;

/**
 * Reads and writes may be done twice: they name their place, as a block device's do. When the driver dies, those in flight
 * are sent to its successor, and files stay open.
 */
export const FOP_IDEMPOTENT = 1;

// struct file
export const FILE_POSITION = 0; // i64
export const FILE_PRIVATE = 8;
export const FILE_MODE = 12;
export const FILE_MINOR = 16;
// from here on the kernel's own
export const FILE_DEVICE = 20;
/** The device's epoch when it was opened: a driver that was restarted has another. */
export const FILE_EPOCH = 24;
/** What the driver's domain calls this file. */
export const FILE_HANDLE = 28;
export const FILE_CLIENT = 32; // client + 1, 0 when free
/** The struct module that this file holds a reference to; 0 when that is no more. */
export const FILE_MODULE = 36;
export const FILE_SIZE = 40;

// Modes: open's flags plus one.
export const FMODE_READ = 1;
export const FMODE_WRITE = 2;

// device
export const DEV_NAME = 0; // NAME_SIZE bytes
export const DEV_MAJOR = 56; // 0 when free
/** Channel + 1 of the domain its driver lives in; 0 = this domain; ENDPOINT_NONE = driver gone. */
export const DEV_ENDPOINT = 60;
export const DEV_EPOCH = 64;
export const DEV_MODULE = 68;
export const DEV_FOPS = 72;
/** DEVICE_ bits; above them, while it is kept, channel + 1 of the driver that died. */
export const DEV_FLAGS = 76;
/** FNV-1a over all of the above. */
export const DEV_CHECKSUM = 80;
export const DEV_SIZE = 84;

/** Its driver says FOP_IDEMPOTENT. */
export const DEVICE_IDEMPOTENT = 1;
/** Its driver is gone and a successor is expected: reads and writes wait, open files are opened anew there. */
export const DEVICE_KEPT = 2;
/** And it was unloaded for that successor: whatever is asked waits. */
export const DEVICE_REPLACED = 4;
export const DEVICE_BITS = 8;

export const ENDPOINT_NONE = 0xffff;

// node: a name in the tree of files, and what is behind it. Begins with a device's fields, so that an open file stands on
// either: of a node that is a file of its own (a proc file), DEV_MAJOR is NODE_MAJOR + its number, the name under which a
// driver's domain knows it, and DEV_FOPS are its operations.
/** One of the DT_ below, 0 when free. */
export const NODE_TYPE = 84;
/** Permissions, as a file's mode. */
export const NODE_MODE = 88;
/** The directory it is in; 0 for the root and for what has no name. */
export const NODE_PARENT = 92;
/** Of a device's name: major << MINOR_BITS | minor. */
export const NODE_RDEV = 96;
/** A word for its operations. */
export const NODE_DATA = 100;
/** Who made it: channel + 1 of its domain, 0 the kernel's domain, ENDPOINT_NONE where that is gone; and its module. */
export const NODE_OWNER = 104;
export const NODE_MODULE = 108;
/** 1 for a device's name that was made when the device was registered, and goes with it. */
export const NODE_AUTO = 112;
export const NODE_SIZE = 116;

export const NODE_MAJOR = 0x1000;
/** The parameters of the module behind an endpoint, by the minor. */
export const PARAM_MAJOR = 0x800;
export const MINOR_BITS = 20;

// Types of directory entries, and the same in a mode (shifted by 12).
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_REG = 8;
export const DT_LNK = 10;
/** A node that no directory lists. */
export const DT_NONE = 15;
export const S_IFMT = 0xf000;
export const S_IFCHR = 0x2000;
export const S_IFDIR = 0x4000;
export const S_IFREG = 0x8000;

// struct stat, as SYS_STAT writes it: u32 each
export const STAT_MODE = 0;
export const STAT_MAJOR = 4;
export const STAT_MINOR = 8;
export const STAT_BYTES = 12;
export const STAT_INODE = 16;
export const STAT_SIZE = 20;

// A directory entry, as SYS_GETDENTS writes it: u16 length of the entry (a multiple of 4), u8 type, u8 length of the name,
// the name, NULs.
export const DIRENT_LENGTH = 0;
export const DIRENT_TYPE = 2;
export const DIRENT_NAME_LENGTH = 3;
export const DIRENT_NAME = 4;
