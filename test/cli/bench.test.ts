import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeLab, readImage } from '../../host/cli/machines.ts';
import { runBench } from '../../host/cli/bench.ts';
import { runProgram } from '../../host/cli/program.ts';
import { IMAGES } from '../../host/cli/root.ts';
import type { BenchContext, BenchExperiment, BenchRow } from '../../host/lab/bench/experiment.ts';
import { measureIdle } from '../../host/lab/bench/idle.ts';
import { EXPERIMENTS } from '../../host/lab/bench/index.ts';
import type { BenchReport } from '../../host/lab/bench/report.ts';
import { summarize } from '../../host/lab/statistics.ts';
import { throwIfCancelled } from '../../host/lab/wait.ts';
import { readAccounting } from '../../host/machine/inspect/lists.ts';
import type { Machine } from '../../host/machine/shared/types.ts';
import { KERNEL_MEMORY, WASM_PAGE } from '../../kernel/abi/map.ts';
import { loadImage, TestKernel } from '../support/kernel.ts';

function terminal(): { out: string[]; lines: string[]; io: Parameters<typeof runBench>[3] } {
  const out: string[] = [];
  const lines: string[] = [];
  const signal = new AbortController().signal;
  return { out, lines, io: { out: (text) => out.push(text), progress: (text) => lines.push(text), signal } };
}

const row: BenchRow = {
  case: '64 bytes',
  subject: summarize([19, 20, 21]),
  floor: summarize([9, 10, 11]),
  ratio: { estimate: 2, low: 1.9, high: 2.25 },
  dropped: 1,
};
const good: BenchExperiment = {
  ...{ name: 'good', summary: 'goes well', floor: 'nothing' },
  async *run({ progress }) {
    progress('measuring 64 bytes');
    yield row;
  },
};
const bad: BenchExperiment = {
  ...{ ...good, name: 'bad' },
  // eslint-disable-next-line require-yield -- it has nothing to give
  async *run() {
    throw new Error('too busy');
  },
};
const options = {
  images: {} as BenchContext['images'],
  file: () => Promise.reject(new Error('no file')),
  boot: () => Promise.reject(new Error('no machine')),
  module: () => Promise.reject(new Error('no module')),
  processorMs: () => 0,
  environment: { runtime: 'test', cores: 2, crossOriginIsolated: true, version: '0.0.0' },
  samples: 3,
  batchMs: 1,
};
const PLAIN = { write: () => true };

describe('runBench', () => {
  test('prints a table of medians and ratios', async () => {
    const { io, out, lines } = terminal();
    await runBench([good], options, false, io, PLAIN);
    expect(out.join('')).toBe(
      'good (floor: nothing)\n              ns  floor ns  ratio        95%\n  64 bytes  20.0      10.0  2.00×  1.90–2.25\n\n',
    );
    expect(lines).toEqual(['good: measuring 64 bytes']);
  });

  test('with --json standard output is one report and nothing else', async () => {
    const { io, out } = terminal();
    await runBench([good], options, true, io, PLAIN);
    const report = JSON.parse(out.join('')) as BenchReport;
    expect(report).toMatchObject({ schema: 'isolab.bench/1', samples: 3 });
    expect(report.experiments).toEqual([{ name: 'good', floor: 'nothing', rows: [row] }]);
    expect(report).toMatchObject({ interrupted: false, extent: [{ done: 1, of: 1 }] });
  });

  test('interrupted, it has the rows that are whole, and says how far it came', async () => {
    const controller = new AbortController();
    const long: BenchExperiment = {
      ...{ ...good, name: 'long' },
      async *run({ signal }) {
        yield row;
        controller.abort('SIGINT');
        throwIfCancelled(signal);
        yield { ...row, case: 'never' };
      },
    };
    const run = async (json: boolean): Promise<string> => {
      const { io, out } = terminal();
      await runBench([good, long, good], options, json, { ...io, signal: controller.signal }, PLAIN);
      return out.join('');
    };
    const report = JSON.parse(await run(true)) as BenchReport;
    expect(report).toMatchObject({
      interrupted: true,
      extent: [{ what: 'experiments', done: 1, of: 3 }],
    });
    expect(report.experiments.map(({ name, rows }) => [name, rows.length])).toEqual([
      ['good', 1],
      ['long', 1],
    ]);
    // The signal has come already.
    expect(await run(false)).toBe('interrupted, ended before its time: 0 of 3 experiments\n');
  });

  test('one that fails is named, and the others are printed', async () => {
    const { io, out, lines } = terminal();
    await expect(runBench([bad, good], options, false, io, PLAIN)).rejects.toThrow(
      'could not be measured: bad',
    );
    expect(out.join('')).toContain('64 bytes');
    expect(lines).toContain('bad: too busy');
  });
});

test('the machine that is idle has sixteen drivers, and its processor time is told by the second', async () => {
  const lab = await nodeLab();
  onTestFinished(() => lab.close());
  const loaded: number[] = [];
  const machines: Machine[] = [];
  const context: BenchContext = {
    ...options,
    samples: 8,
    file: async (name) => readImage(name),
    boot: async (placement) => machines[machines.push(await lab.boot(placement)) - 1]!,
    // Two milliseconds from each look to the next: idle.ts looks before and after a window.
    processorMs: () => 2 * loaded.push(machines.at(-1).lsmod().length),
    progress: () => {},
  };
  const { subject, floor, case: what } = await measureIdle(context, 'sandbox', 5);
  expect(loaded).toEqual([0, 0, 0, 0, 16, 16, 16, 16]);
  expect(what).toBe('a second of 16 drivers, sandbox');
  for (const { n, max } of [subject, floor]) {
    expect(n).toBe(2);
    expect(max).toBeLessThan(1e9 * (2 / 4)); // timers of Node come a millisecond early
  }
});

test('an experiment that there is not is no command line', async () => {
  const { io, lines } = terminal();
  expect(await runProgram(['bench', 'nothing'], io)).toBe(2);
  expect(lines.join('\n')).toContain('there is no experiment nothing; there are: kmalloc');
});

test('--list says what there is', async () => {
  const { io, out } = terminal();
  expect(await runProgram(['bench', '--list'], io)).toBe(0);
  expect(out.map((line) => line.split(' ')[0])).toEqual(EXPERIMENTS.map(({ name }) => name));
});

test('the loops of the kmalloc experiment: as many objects as rounds, on both sides, and all come back', async () => {
  const kernel = new TestKernel(await loadImage('kernel.wasm'));
  const before = readAccounting(kernel.memory);
  expect(kernel.exports.bench_kmalloc(1000, 100)).toBe(1000);
  expect(readAccounting(kernel.memory).bytesUsed).toBe(before.bytesUsed + 6400);
  kernel.exports.bench_kmalloc_end();
  expect(readAccounting(kernel.memory).bytesUsed).toBe(before.bytesUsed);
  expect(kernel.check()).toEqual([]);

  const pages = KERNEL_MEMORY / WASM_PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = await WebAssembly.compile(readFileSync(join(IMAGES, 'tlsf.wasm')));
  const tlsf = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as {
    bench_alloc(rounds: number, size: number): number;
    bench_alloc_end(): void;
  };
  // Far more than the memory holds at once.
  expect(tlsf.bench_alloc(50_000, 4096)).toBe(50_000);
  tlsf.bench_alloc_end();
});
