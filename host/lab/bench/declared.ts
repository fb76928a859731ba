// What a load costs the kernel for each thing that a file declares, at a quarter of what it may declare and at all of it: twice the
// same, where the work is proportional to what is declared. The steps are those of a driver that will live elsewhere, without
// the engine's; the floor is handing the names over, to a kernel that does nothing with them.

import type { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import { loadModule } from '../../domain/load-file.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { begin, describe, describeParameters, must } from '../../domain/steps.ts';
import { declaring, type Many } from '../../fault/mutate-many.ts';
import { symbolFlags } from '../../linker/module/metadata.ts';
import {
  MAX_MODULE_FUNCTIONS,
  MAX_MODULE_PARAMETERS,
  MAX_MODULE_SYMBOLS,
} from '../../../kernel/abi/limits.ts';
import { USER_BASE } from '../../../kernel/abi/map.ts';
import { DECLARED_PARAMETERS } from '../../../kernel/abi/module.ts';
import { bareKernel } from './bare-kernel.ts';
import { summarize } from '../statistics.ts';
import { paired, type BenchContext, type BenchExperiment, type BenchRow } from './experiment.ts';

const MOST: [what: Many, most: number][] = [
  ['parameters', MAX_MODULE_PARAMETERS],
  ['symbols', MAX_MODULE_SYMBOLS],
  ['functions', MAX_MODULE_FUNCTIONS],
];
/** Of the driver that the rest is added to, at most. */
const OWN = 16;
const WARM_UP = 100;
const NS_PER_MS = 1e6;

/** Tells the kernel of a module, and has it forget it. */
function announceAndForget(domain: Domain<KernelExports>, loaded: LoadedModule): void {
  const { exports } = domain;
  const mod = begin(domain, loaded, 0, 1);
  describe(domain, loaded, mod);
  for (const [index, symbol] of loaded.file.symbols.entries())
    must(exports.module_export(mod, domain.text(symbol.name), index, symbolFlags(symbol), symbol.crc | 0));
  describeParameters(domain, loaded, mod, 0);
  exports.module_gone(mod);
}

/** Hands over the names alone: those of functions as one table, others one by one. */
function handOver(domain: Domain<KernelExports>, { file, names }: LoadedModule): void {
  domain.bytes.set(names, USER_BASE);
  for (const list of [file.parameters, file.symbols])
    for (const { name } of list) domain.exports.module_declares(domain.text(name), DECLARED_PARAMETERS, 0);
}

async function measure(context: BenchContext, what: Many, count: number): Promise<BenchRow> {
  const label = `${count} ${what}`;
  const bytes = declaring(await context.file('null.ko.wasm'), what, count - OWN);
  const loaded = await loadModule(bytes, null, 'null');
  const domain = bareKernel(context);
  const timed = (work: (domain: Domain<KernelExports>, loaded: LoadedModule) => void) => (): number => {
    const started = performance.now();
    work(domain, loaded);
    return ((performance.now() - started) * NS_PER_MS) / count;
  };
  const [subject, floor] = [timed(announceAndForget), timed(handOver)];
  context.progress(`measuring ${label}`);
  const warm = Array.from({ length: WARM_UP }, () => (subject(), floor()));
  return paired(context, label, summarize(warm).median, subject, floor);
}

export const declared: BenchExperiment = {
  name: 'declared',
  summary: 'what a load costs for each parameter, symbol and function that a file declares',
  floor: 'handing their names over',
  async *run(context) {
    for (const [what, most] of MOST)
      for (const count of [most / 4, most]) yield await measure(context, what, count);
  },
};
