// Reads what system calls on names write into a client's memory: struct stat and directory entries (kernel/abi/file.ts).

import {
  DIRENT_LENGTH,
  DIRENT_NAME,
  DIRENT_NAME_LENGTH,
  DIRENT_TYPE,
  DT_CHR,
  DT_DIR,
  DT_LNK,
  STAT_BYTES,
  STAT_INODE,
  STAT_MAJOR,
  STAT_MINOR,
  STAT_MODE,
} from '../../kernel/abi/file.ts';

export type FileType = 'directory' | 'file' | 'device' | 'link';

export interface FileStat {
  type: FileType;
  /** Permissions only. */
  mode: number;
  /** Of a device, else 0. */
  major: number;
  minor: number;
  size: number;
  inode: number;
}

export interface DirectoryEntry {
  name: string;
  type: FileType;
}

function typeOf(type: number): FileType {
  return type === DT_CHR ? 'device' : type === DT_DIR ? 'directory' : type === DT_LNK ? 'link' : 'file';
}

export function readStat(data: Uint8Array): FileStat {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const word = (offset: number): number => view.getUint32(offset, true);
  const mode = word(STAT_MODE);
  return {
    type: typeOf((mode >> 12) & 15),
    mode: mode & 0o777,
    major: word(STAT_MAJOR),
    minor: word(STAT_MINOR),
    size: word(STAT_BYTES),
    inode: word(STAT_INODE),
  };
}

/** The entries of one SYS_GETDENTS, up to the first incomplete one. */
export function readEntries(data: Uint8Array): DirectoryEntry[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at + DIRENT_NAME <= data.length;) {
    const length = view.getUint16(at + DIRENT_LENGTH, true);
    const end = at + DIRENT_NAME + data[at + DIRENT_NAME_LENGTH]!;
    if (length < DIRENT_NAME || end > data.length) break;
    const name = new TextDecoder().decode(data.slice(at + DIRENT_NAME, end));
    entries.push({ name, type: typeOf(data[at + DIRENT_TYPE]!) });
    at += length;
  }
  return entries;
}
