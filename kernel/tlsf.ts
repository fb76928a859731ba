// AssemblyScript's own allocator, the floor under kmalloc's benchmark (mm/bench.ts): an image of its own, built by asc alone
// with the language's default runtime. It has nothing of the kernel.

const ring = memory.data(256);

/** @returns `rounds` */
export function bench_alloc(rounds: i32, size: usize): i32 {
  for (let i = 0; i < rounds; i++) {
    const slot = ring + ((<usize>(i & 63)) << 2);
    const old = <usize>load<u32>(slot);
    if (old) heap.free(old);
    const object = heap.alloc(size);
    store<u32>(slot, <u32>object);
    if (!object) return i;
  }
  return rounds;
}

/** Gives back what the benchmark holds. */
export function bench_alloc_end(): void {
  for (let slot: usize = ring; slot < ring + 256; slot += 4) {
    const old = <usize>load<u32>(slot);
    if (old) heap.free(old);
    store<u32>(slot, 0);
  }
}
