// Zeroing a memory that was used.

/** Words of a page of the operating system. */
const PAGE_WORDS = 1024;

/** Zeroes a memory. Writes to no page that is zero: the system would have to allocate one that was never written to. */
export function wipe(memory: WebAssembly.Memory): void {
  const words = new Int32Array(memory.buffer);
  for (let page = 0; page < words.length; page += PAGE_WORDS) {
    let word = page;
    while (word < page + PAGE_WORDS && words[word] === 0) word++;
    if (word < page + PAGE_WORDS) words.fill(0, word, page + PAGE_WORDS);
  }
}
