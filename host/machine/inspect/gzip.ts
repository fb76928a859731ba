// gzip, by the streams that Node and browsers both have. They work beside this thread, or a chunk at a time.

type Chunk = Uint8Array<ArrayBuffer>;

/** Rejects with what the codec says of damaged bytes, or RangeError beyond `most` bytes. */
async function through(
  { readable, writable }: ByteCodec,
  chunks: Iterable<Chunk>,
  most: number,
): Promise<Chunk> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const feed = async (): Promise<void> => {
    const writer = writable.getWriter();
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  };
  const collect = async (): Promise<void> => {
    const reader = readable.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > most) throw new RangeError(`it has more than ${most} bytes`);
      parts.push(next.value);
    }
  };
  await Promise.all([feed(), collect()]);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const gzip = (chunks: Iterable<Chunk>): Promise<Chunk> =>
  through(new CompressionStream('gzip'), chunks, Infinity);

/** @param most bytes that are taken out of it */
export const gunzip = (bytes: Chunk, most: number): Promise<Chunk> =>
  through(new DecompressionStream('gzip'), [bytes], most);
