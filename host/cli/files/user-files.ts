// Files that a user names. Reading takes what a file has and no more than fits; writing leaves a whole file or nothing, and never
// makes a folder. What the system refuses is a Failure: what, why, and the path.

import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Failure, refused } from '../io.ts';

/** Bytes that are read of a file unless it may have more: a device such as /dev/zero never ends. */
const MOST = 1 << 28;
const CHUNK = 1 << 20;

/** The bytes of a file, a pipe or a device. Throws what the system refuses, or a Failure where there are too many. */
export function readBytes(path: string, most = MOST): Uint8Array<ArrayBuffer> {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    let bytes = new Uint8Array(Math.min(size + 1, most + 1));
    for (let length = 0; ;) {
      if (length === bytes.length) {
        if (length > most) throw new Failure(`a file of more than ${most} bytes is not read: ${path}`);
        const more = new Uint8Array(Math.min(length + Math.max(length, CHUNK), most + 1));
        more.set(bytes);
        bytes = more;
      }
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) return bytes.slice(0, length);
      length += count;
    }
  } finally {
    closeSync(fd);
  }
}

/** @param what in a sentence: `the image cannot be read: …`. Throws Failure */
export function readInput(what: string, path: string, most = MOST): Uint8Array<ArrayBuffer> {
  try {
    return readBytes(path, most);
  } catch (error) {
    throw refused(`${what} cannot be read`, path, error);
  }
}

/** Throws Failure where standard input is a folder: Node takes it for empty. */
export function checkStandardInput(): void {
  if (fstatSync(0).isDirectory()) throw new Failure('standard input cannot be read: it is a folder');
}

/** Throws Failure where something is in the place of a folder that is to be made. */
export function checkFolder(what: string, path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
      throw new Failure(`${what} cannot be written: this is no folder: ${path}`);
  } catch (error) {
    throw refused(`${what} cannot be written`, path, error);
  }
}

export const readText = (what: string, path: string): string =>
  new TextDecoder().decode(readInput(what, path));

/** Throws Failure where a file cannot be written, before work is done for it. Makes nothing. */
export function checkOutput(what: string, path: string): void {
  const folder = dirname(resolve(path));
  try {
    if (!statSync(folder).isDirectory())
      throw new Failure(`${what} cannot be written: this is no folder: ${folder}`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new Failure(`${what} cannot be written: there is no folder ${folder}`);
    throw refused(`${what} cannot be written`, path, error);
  }
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw new Failure(`${what} cannot be written: this is a folder: ${path}`);
    // A device is written as it is; a file is replaced by another.
    accessSync(there && !there.isFile() ? path : folder, constants.W_OK);
  } catch (error) {
    throw refused(`${what} cannot be written`, path, error);
  }
}

/** Writes files that belong together, each whole or not at all: whoever reads meanwhile has the old one. Throws Failure. */
export function writeTogether(
  what: string,
  files: readonly (readonly [path: string, content: string | Uint8Array])[],
): void {
  const temporary = (path: string): string => `${path}.${process.pid}.tmp`;
  let path = '';
  try {
    for (const [each] of files) {
      checkOutput(what, (path = each));
      if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
        throw new Failure(`${what} cannot be written: this is no regular file: ${path}`);
    }
    for (const [each, content] of files) writeFileSync(temporary((path = each)), content);
    for (const [each] of files) renameSync(temporary((path = each)), path);
  } catch (error) {
    throw refused(`${what} cannot be written`, path, error);
  } finally {
    for (const [each] of files) removed(temporary(each));
  }
}

/** Where a folder cannot be written nothing is left in it. */
function removed(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })) rmSync(path, { force: true });
}
