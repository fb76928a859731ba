// What kmalloc and kfree cost beside AssemblyScript's own allocator (TLSF, kernel/tlsf.ts): the same loop in the kernel's
// image and in an image of asc's, on memories of the same kind and size, with slub_debug off and on.

import { SLUB_ALL, SLUB_OFF } from '../../../kernel/abi/heap.ts';
import { bareKernel, kernelMemory } from './bare-kernel.ts';
import { alternate, type BenchContext, type BenchExperiment, type BenchRow } from './experiment.ts';

const SIZES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

interface TlsfExports {
  bench_alloc(rounds: number, size: number): number;
  bench_alloc_end(): void;
}

/** A loop that fails where an allocation does. */
function must(give: (rounds: number, size: number) => number, size: number): (rounds: number) => void {
  return (rounds) => {
    const given = give(rounds, size);
    if (given !== rounds) throw new Error(`no memory for ${size} bytes after ${given} of ${rounds} rounds`);
  };
}

async function* run(context: BenchContext): AsyncGenerator<BenchRow> {
  const module = await WebAssembly.compile(await context.file('tlsf.wasm'));
  const instance = new WebAssembly.Instance(module, { env: { memory: kernelMemory() } });
  const tlsf = instance.exports as unknown as TlsfExports;
  for (const [debug, flags] of [
    ['off', SLUB_OFF],
    ['on', SLUB_ALL],
  ] as const) {
    const kernel = bareKernel(context, flags).exports;
    for (const size of SIZES) {
      const subject = must(kernel.bench_kmalloc, size);
      const floor = must(tlsf.bench_alloc, size);
      yield await alternate(context, `${size} bytes, debug ${debug}`, subject, floor);
      kernel.bench_kmalloc_end();
      tlsf.bench_alloc_end();
    }
  }
}

export const kmalloc: BenchExperiment = {
  name: 'kmalloc',
  summary: "kmalloc and kfree, against AssemblyScript's own allocator",
  floor: 'TLSF of AssemblyScript',
  run,
};
