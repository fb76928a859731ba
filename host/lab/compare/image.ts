// A disk image in a character device: written in pieces, read back whole, compared by SHA-256.

import { sha256 } from '../../linker/module/sha256.ts';
import { O_RDONLY, O_RDWR } from '../../../kernel/abi/operation.ts';
import type { Client } from '../../machine/shared/types.ts';

/** Bytes a call: a quarter of what a client may pass. */
const PIECE = 0x10000;

/** Writes the image from the device's beginning. @returns null, or why it did not fit, in words */
export async function writeImage(client: Client, path: string, image: Uint8Array): Promise<string | null> {
  const fd = await client.open(path, O_RDWR);
  if (fd < 0) return `${path} cannot be opened: ${fd}`;
  try {
    for (let at = 0; at < image.length; at += PIECE) {
      const piece = image.slice(at, at + PIECE);
      const result = await client.write(fd, piece);
      if (result < 0) return `${path} refused ${piece.length} bytes at ${at}: ${result}`;
      if (result !== piece.length) return `${path} took ${result} of ${piece.length} bytes at ${at}`;
    }
    return null;
  } finally {
    await client.close(fd);
  }
}

/** Reads `length` bytes from the device's beginning. @returns what came, which may be shorter, or null if it cannot be opened */
export async function readImage(client: Client, path: string, length: number): Promise<Uint8Array | null> {
  // Opened anew, for the position: a device need not know how to seek.
  const fd = await client.open(path, O_RDONLY);
  if (fd < 0) return null;
  const image = new Uint8Array(length);
  let at = 0;
  try {
    while (at < length) {
      const { result, data } = await client.read(fd, Math.min(PIECE, length - at));
      if (result <= 0 || data.length === 0) break;
      image.set(data.subarray(0, length - at), at);
      at += data.length;
    }
  } finally {
    await client.close(fd);
  }
  return image.subarray(0, at);
}

/** SHA-256 of what the device holds in the image's place; null where that cannot be read or is shorter. */
export async function contentHash(client: Client, path: string, length: number): Promise<string | null> {
  const content = await readImage(client, path, length);
  return content?.length === length ? sha256(content) : null;
}
