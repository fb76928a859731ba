// What it costs to find a symbol with a thousand modules loaded, beside what it costs with ten: the same names in the same
// order, in two kernels whose symbol tables differ in length alone.

import { loadModule } from '../../domain/load-file.ts';
import { insmod } from '../../domain/loader.ts';
import type { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { NAME_SIZE } from '../../../kernel/abi/limits.ts';
import { WINDOW_BASE, WINDOW_SIZE } from '../../../kernel/abi/map.ts';
import { throwIfCancelled } from '../wait.ts';
import { bareKernel } from './bare-kernel.ts';
import { alternate, type BenchContext, type BenchExperiment } from './experiment.ts';

const FEW = 10;
const MANY = 1000;
/** Looked up in turn: of the first module, and of the kernel. */
const NAMES = ['m000_count', 'm009_sum', 'kmalloc', 'register_chrdev'];

/** The module base under another name, with symbols of its own: `m017_count` for `base_count`, letter for letter. */
async function variant(base: Uint8Array<ArrayBuffer>, number: number): Promise<LoadedModule> {
  const prefix = `m${String(number).padStart(3, '0')}`;
  const bytes = base.slice();
  const from = new TextEncoder().encode('base_');
  const to = new TextEncoder().encode(prefix);
  for (let at = 0; at + from.length <= bytes.length; at++) {
    const whole = bytes[at - 1] !== 0x5f; // not in __memory_base_…
    if (whole && from.every((byte, i) => bytes[at + i] === byte)) bytes.set(to, at);
  }
  return { ...(await loadModule(bytes, null, prefix)), name: prefix };
}

async function kernelWith(context: BenchContext, modules: number): Promise<Domain<KernelExports>> {
  const base = await context.file('base.ko.wasm');
  const domain = bareKernel(context);
  for (let number = 0; number < modules; number++) {
    throwIfCancelled(context.signal);
    if (number % 100 === 0) context.progress(`loading ${modules} modules: ${number}`);
    insmod(domain, await variant(base, number), { parameters: '', flags: 0 });
  }
  return domain;
}

/** A loop over the names, which lie at the end of the kernel's window. */
function looking(domain: Domain<KernelExports>): (rounds: number) => void {
  const places = NAMES.map((name, i) => {
    const at = WINDOW_BASE + WINDOW_SIZE - (i + 1) * NAME_SIZE;
    domain.bytes.set(new TextEncoder().encode(`${name}\0`), at);
    return at;
  });
  let turn = 0;
  return (rounds) => {
    const place = places[turn++ % places.length]!;
    const found = domain.exports.bench_lookup(rounds, place);
    if (found !== rounds) throw new Error(`a symbol was not found: ${NAMES[(turn - 1) % NAMES.length]}`);
  };
}

export const lookup: BenchExperiment = {
  name: 'lookup',
  summary: 'finding a symbol with a thousand modules loaded',
  floor: 'the same with ten modules loaded',
  async *run(context) {
    const [few, many] = [await kernelWith(context, FEW), await kernelWith(context, MANY)];
    yield await alternate(context, `${MANY} modules`, looking(many), looking(few));
  },
};
