// What insmod costs beside the engine's own part of it. Of a module that is compiled already: beside instantiating it with the
// same imports, on the same memory and table. From its bytes: beside compiling and instantiating those; both sides get
// bytes that the engine has not seen, since it keeps what it has compiled by its bytes.

import { loadModule } from '../../domain/load-file.ts';
import { insmod as load, rmmod } from '../../domain/loader.ts';
import type { Domain } from '../../domain/domain.ts';
import type { KernelExports } from '../../domain/image.ts';
import type { LoadedModule } from '../../domain/loaded.ts';
import { MODULES_BASE, MODULES_SIZE, TABLE_SIZE } from '../../../kernel/abi/map.ts';
import { bareKernel } from './bare-kernel.ts';
import { summarize } from '../statistics.ts';
import { throwIfCancelled } from '../wait.ts';
import { paired, type BenchContext, type BenchExperiment, type BenchRow } from './experiment.ts';

const MODULES = ['null', 'base', 'lkdtm'];
/** Each load is a sample: the median leaves out the few in which the engine collects garbage. */
const SAMPLES = 8;
/** Samples on one kernel: Node never frees an instance that has imported a table, and gets slower with each. */
const RENEWAL = 48;
const NS_PER_MS = 1e6;

/** The same module in bytes that the engine does not know: a custom section with a number at the end. */
class FreshBytes {
  private readonly bytes: Uint8Array;
  private count = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  next(): Uint8Array<ArrayBuffer> {
    const section = [0, 6, 1, 0x23, 0, 0, 0, 0]; // id, size, length of the name, "#", number
    const fresh = new Uint8Array(this.bytes.length + section.length);
    fresh.set(this.bytes);
    fresh.set(section, this.bytes.length);
    new DataView(fresh.buffer).setUint32(fresh.length - 4, ++this.count);
    return fresh;
  }
}

/** A kernel that is renewed now and then, and the imports that the module gets there. */
class Station {
  domain: Domain<KernelExports>;
  imports: WebAssembly.Imports;
  private readonly context: BenchContext;
  private readonly module: LoadedModule;
  private used = 0;

  constructor(context: BenchContext, module: LoadedModule) {
    this.context = context;
    this.module = module;
    this.domain = bareKernel(context);
    this.imports = this.bind();
  }

  renew(): void {
    if (++this.used % RENEWAL !== 0) return;
    this.domain = bareKernel(this.context);
    this.imports = this.bind();
  }

  /** What the loader would bind, with data and elements where nothing else is. */
  private bind(): WebAssembly.Imports {
    const { domain, module } = this;
    const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: 'i32' }, value);
    const functions = module.file.imports.filter(({ kind }) => kind === 'function');
    const exported = domain.exports as unknown as Record<string, WebAssembly.ExportValue>;
    return {
      env: {
        ...Object.fromEntries(functions.map(({ name }) => [name, exported[name]!])),
        memory: domain.memory,
        __indirect_function_table: domain.table,
        __memory_base: constant(MODULES_BASE + MODULES_SIZE / 2),
        __table_base: constant(TABLE_SIZE - module.file.table.size),
        __stack_pointer: domain.stackPointer,
      },
    };
  }

  /** @returns ms */
  insmod(module: LoadedModule): number {
    const started = performance.now();
    load(this.domain, module, { parameters: '', flags: 0 });
    const ended = performance.now();
    rmmod(this.domain, module.name, { loaded: module });
    return ended - started;
  }

  /** @returns ms */
  instantiate(module: WebAssembly.Module): number {
    const started = performance.now();
    const instance = new WebAssembly.Instance(module, this.imports);
    const ended = performance.now();
    return instance ? ended - started : 0;
  }
}

async function* measure(context: BenchContext, name: string): AsyncGenerator<BenchRow> {
  const bytes = await context.file(`${name}.ko.wasm`);
  const module = await loadModule(bytes, null, name);
  const station = new Station(context, module);
  const fresh = new FreshBytes(bytes);
  const compiled = {
    floor: () => station.instantiate(module.module) * NS_PER_MS,
    subject: () => station.insmod(module) * NS_PER_MS,
  };
  const fromBytes = {
    floor: async () => {
      const own = fresh.next();
      const started = performance.now();
      const made = await WebAssembly.compile(own);
      return (performance.now() - started + station.instantiate(made)) * NS_PER_MS;
    },
    subject: async () => {
      const own = fresh.next();
      const started = performance.now();
      const loaded = await loadModule(own, null, name);
      return (performance.now() - started + station.insmod(loaded)) * NS_PER_MS;
    },
  };
  for (const [kind, { floor, subject }] of Object.entries({ compiled, 'from bytes': fromBytes })) {
    const label = `${name}, ${bytes.length} bytes, ${kind}`;
    context.progress(`measuring ${label}`);
    const warm: number[] = [];
    for (let i = 0; i < RENEWAL; i++) {
      throwIfCancelled(context.signal);
      warm.push(await floor());
      await subject();
    }
    const best = summarize(warm).median;
    const renewing = async (): Promise<number> => {
      station.renew();
      return floor();
    };
    const many = { ...context, samples: context.samples * SAMPLES };
    yield await paired(many, label, best, subject, renewing);
  }
}

export const insmod: BenchExperiment = {
  name: 'insmod',
  summary: "loading a module, beside the engine's own part of it",
  floor: 'compiling (from bytes) and instantiating with the same imports',
  async *run(context) {
    for (const name of MODULES) yield* measure(context, name);
  },
};
