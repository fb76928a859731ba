// Layouts of the device switch: struct file_operations and struct file as drivers see them (C layout), then the
// kernel's own device. Offsets in bytes. Read by both compilers: constants only.

// struct file_operations: table indices, 0 where the driver has none.
export const FOPS_LLSEEK = 0; // (file, i64 offset, whence) -> i64
export const FOPS_READ = 4; // (file, to, count, position*) -> i32
export const FOPS_WRITE = 8; // (file, from, count, position*) -> i32
export const FOPS_IOCTL = 12; // (file, command, argument) -> i32
export const FOPS_OPEN = 16; // (file) -> i32
export const FOPS_RELEASE = 20; // (file) -> i32
export const FOPS_SIZE = 24;

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
/** FNV-1a over name, major, and the operations. */
export const DEV_CHECKSUM = 76;
export const DEV_SIZE = 80;

export const ENDPOINT_NONE = 0xffff;
