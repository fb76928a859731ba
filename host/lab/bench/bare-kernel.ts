// A kernel in this thread, without anybody around it: what is measured inside needs no machine.

import { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import { kernelImports } from '../../domain/imports.ts';
import { KERNEL_MEMORY, WASM_PAGE } from '../../../kernel/abi/map.ts';
import type { BenchContext } from './experiment.ts';

export function kernelMemory(): WebAssembly.Memory {
  const pages = KERNEL_MEMORY / WASM_PAGE;
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** @param slubDebug SLUB_… of kernel/abi/heap.ts; 0 for the default */
export function bareKernel({ images }: BenchContext, slubDebug = 0): Domain<KernelExports> {
  const memory = kernelMemory();
  const nobody = (): void => {};
  const imports = kernelImports(memory, nobody, nobody, nobody);
  const domain = new Domain<KernelExports>(images.kernel, memory, imports);
  domain.exports.boot(domain.slots, 1, 2000, 0, slubDebug, 2);
  domain.publish();
  return domain;
}
