// The allocator's benchmark: what a host runs to measure it. 64 objects live at a time, the oldest goes as a new one comes.
// kernel/tlsf.ts is the same on AssemblyScript's own allocator.

import { GFP_KERNEL } from '../abi/gfp';
import { kfree, kmalloc } from './kmalloc';

const ring = memory.data(256);

/** @returns how many objects were given: `rounds`, or fewer when there is no memory */
export function bench_kmalloc(rounds: i32, size: usize): i32 {
  for (let i = 0; i < rounds; i++) {
    const slot = ring + ((<usize>(i & 63)) << 2);
    kfree(<usize>load<u32>(slot));
    const object = kmalloc(size, GFP_KERNEL);
    store<u32>(slot, <u32>object);
    if (!object) return i;
  }
  return rounds;
}

/** Gives back what the benchmark holds. */
export function bench_kmalloc_end(): void {
  for (let slot: usize = ring; slot < ring + 256; slot += 4) {
    kfree(<usize>load<u32>(slot));
    store<u32>(slot, 0);
  }
}
