// The seal of a core: a gzip file in which no byte can change unseen. gzip's own CRC-32 is over what comes out of it, not over its
// head, nor over bits that no decoder looks at. Every gunzip reads a sealed file; the seal lies in the head's extra field:
//
//   0   1f 8b 08 04 00 00 00 00 00 ff   gzip's head: deflate, an extra field, no time, no system
//   10  28 00 "IC" 24 00                the extra field has 40 bytes: one subfield, IC, of 36
//   16  u32, bytes that follow the seal, little-endian
//   20  SHA-256 of them
//   52  … as gzip has packed it

import { sha256 } from '@noble/hashes/sha2.js';
import { nextTask } from '../shared/task.ts';

const GZIP_HEAD = 10;
const EXTRA_FLAG = 0x04;
const HEAD = Uint8Array.of(0x1f, 0x8b, 8, EXTRA_FLAG, 0, 0, 0, 0, 0, 0xff, 40, 0, 0x49, 0x43, 36, 0);
const LENGTH = HEAD.length;
const HASH = LENGTH + 4;
const BODY = HASH + 32;
/** Bytes that are hashed between two turns of the event loop. */
const STRETCH = 1 << 18;

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);

async function hashOf(bytes: Uint8Array): Promise<Uint8Array> {
  const hash = sha256.create();
  for (let at = 0; at < bytes.length; at += STRETCH) {
    if (at > 0) await nextTask();
    hash.update(bytes.subarray(at, at + STRETCH));
  }
  return hash.digest();
}

/** @param packed as CompressionStream makes it: its head has no fields */
export async function seal(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (packed[3] !== 0) throw new Error(`gzip's head has fields: flags ${packed[3]}`);
  const body = packed.subarray(GZIP_HEAD);
  const sealed = new Uint8Array(BODY + body.length);
  sealed.set(HEAD);
  new DataView(sealed.buffer).setUint32(LENGTH, body.length, true);
  sealed.set(await hashOf(body), HASH);
  sealed.set(body, BODY);
  return sealed;
}

/** What is wrong with a sealed file, in words that follow its name; null where it is whole. */
export async function damageOf(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (bytes[0] !== HEAD[0] || bytes[1] !== HEAD[1]) return 'it does not begin as a core does';
  if (bytes.length >= LENGTH && bytes[3] === 0) return 'it has no checksum, which every core has';
  if (!same(bytes.subarray(0, LENGTH), HEAD.subarray(0, bytes.length))) return 'its head is damaged';
  if (bytes.length < BODY)
    return `it is cut off: its head has ${BODY} bytes, of which ${bytes.length} are there`;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(LENGTH, true);
  const body = bytes.subarray(BODY);
  if (body.length < length)
    return `it is cut off: ${length} bytes follow its head, of which ${body.length} are there`;
  if (body.length > length)
    return `it is damaged: ${length} bytes follow its head, and ${body.length} are there`;
  if (!same(await hashOf(body), bytes.subarray(HASH, BODY)))
    return 'it is damaged: its SHA-256 does not match its content';
  return null;
}
