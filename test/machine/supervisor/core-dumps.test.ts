// When cores are taken and what they contain: never while something of the driver runs, and nothing else waits for them.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeLab, type NodeLab } from '../../../host/cli/machines.ts';
import { Core } from '../../../host/machine/inspect/core.ts';
import { CoreDumps } from '../../../host/machine/supervisor/core-dumps.ts';
import type { Incarnation } from '../../../host/machine/supervisor/incarnation.ts';
import type { Machine, OnCore } from '../../../host/machine/shared/types.ts';
import { KERNEL_MEMORY, LOG_BASE, WASM_PAGE } from '../../../kernel/abi/map.ts';
import { O_RDWR } from '../../../kernel/abi/operation.ts';
import { bytes, driverIs, expectLine, nextEvent } from '../../support/machine.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const shared = (size: number): WebAssembly.Memory => {
  const pages = size / WASM_PAGE;
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
};

describe('a driver that has died', () => {
  const kernel = shared(KERNEL_MEMORY);
  let kept: WebAssembly.Memory[];
  let logged: string[];
  let tracked: Promise<unknown>[];

  beforeEach(() => {
    [kept, logged, tracked] = [[], [], []];
  });

  const dumps = (take: OnCore): CoreDumps =>
    new CoreDumps(
      {
        placement: 'microkernel',
        resources: {
          keepMemory: (memory) => void kept.push(memory),
          releaseMemory: (memory) => void kept.splice(kept.indexOf(memory), 1),
        },
        track: (work) => void tracked.push(work),
      },
      take,
    );

  /** Ends it. */
  class Dying {
    readonly memory = shared(2 * WASM_PAGE);
    ended = (): void => {};
    readonly end: Promise<void> = new Promise((resolve) => (this.ended = resolve));

    dies(into: CoreDumps, by: 'trap' | 'operator' = 'trap'): void {
      const life = { memory: kernel, number: 1, log: (_: number, lines: string[]) => logged.push(...lines) };
      const { memory } = this;
      const incarnation = { life, memory, channel: 3, generation: 5, end: () => this.end };
      into.dump(
        {
          loaded: { name: 'made', sha256: 'abc' } as Parameters<CoreDumps['dump']>[0]['loaded'],
          incarnation: incarnation as unknown as Incarnation,
          restarts: 1,
        },
        { by, fault: null },
        Promise.resolve([]),
      );
    }
  }

  test('is read when nothing writes to its memory any more, the log when it died', async () => {
    const cores: [Bytes, string][] = [];
    const dying = new Dying();
    const content = new Uint8Array(dying.memory.buffer);
    content[100] = 1;
    dying.dies(dumps((...core) => void cores.push(core)));
    expect(kept).toEqual([dying.memory]);
    content[100] = 2;
    new Uint8Array(kernel.buffer, LOG_BASE, 4096).fill(7);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cores).toEqual([]);
    dying.ended();
    await Promise.all(tracked);
    expect(kept).toEqual([]);
    const [[core, name]] = cores as [[Bytes, string]];
    expect(name).toBe('made.2');
    const read = await Core.read(core);
    expect(read.read(100, 1)).toEqual(Uint8Array.of(2));
    expect(read.header).toMatchObject({ driver: 'made', generation: 2, log: [], by: 'trap' });
  });

  test('leaves none where somebody wanted its end', () => {
    new Dying().dies(
      dumps(() => {}),
      'operator',
    );
    expect([kept, tracked]).toEqual([[], []]);
  });

  test('is one of four at a time; of the others the log tells', async () => {
    let go = (): void => {};
    const written = new Promise<void>((resolve) => (go = resolve));
    let count = 0;
    const into = dumps(() => (count++, written));
    const five = Array.from({ length: 5 }, () => new Dying());
    for (const dying of five) dying.dies(into);
    expect(kept.length).toBe(4);
    expect(logged).toEqual(['supervisor: no core of made.2: 4 others are being written']);
    for (const dying of five) dying.ended();
    go();
    await Promise.all(tracked);
    expect([count, kept.length]).toEqual([4, 0]);
    const late = new Dying();
    late.dies(into);
    late.ended();
    await Promise.all(tracked);
    expect(count).toBe(5);
  });

  test('whose core cannot be written: the log tells why', async () => {
    const dying = new Dying();
    dying.dies(dumps(() => Promise.reject(new Error('No space left'))));
    dying.ended();
    await Promise.all(tracked);
    expect(logged).toEqual(['supervisor: the core of made.2 is lost: No space left']);
    expect(kept).toEqual([]);
  });
});

describe('a machine', () => {
  let lab: NodeLab;
  let machine: Machine;
  let written: () => void;
  let failed: (why: Error) => void;
  let cores: Bytes[];
  /** Called when a core was taken. */
  let taken: Promise<void>;

  beforeEach(async () => {
    lab = await nodeLab();
    cores = [];
    let taking = (): void => {};
    taken = new Promise((resolve) => (taking = resolve));
    const writing = new Promise<void>((resolve, reject) => {
      written = resolve;
      failed = reject;
    });
    machine = await lab.boot('microkernel', {
      onCore: (core) => (cores.push(core), taking(), writing),
      deadlineMs: 500,
    });
    await machine.insmod(lab.drivers.find(({ name }) => name === 'lkdtm')!);
  });
  afterEach(async () => {
    written();
    await machine.shutdown();
    await lab.close();
  });

  async function breaks(fault: string): Promise<void> {
    const up = nextEvent(machine, driverIs('lkdtm', 'up'));
    const fd = await machine.console.open('/dev/lkdtm', O_RDWR);
    expect(await machine.console.write(fd, bytes(fault))).toBeLessThan(0);
    await up;
  }

  test.each(['BUG', 'LOOP'])(
    'restarts a driver (%s) while its core is written, and shuts down after',
    async (fault) => {
      await breaks(fault);
      const order: string[] = [];
      const off = machine.shutdown().then(() => order.push('off'));
      setTimeout(() => {
        order.push('written');
        written();
      }, 300);
      await off;
      expect(order).toEqual(['written', 'off']);
      const read = await Core.read(cores[0]!);
      expect(read.header).toMatchObject({ driver: 'lkdtm', by: fault === 'BUG' ? 'trap' : 'deadline' });
      expect(read.header.messages.at(-1)).toMatchObject({ status: null });
    },
  );

  test('tells in its log of a core that could not be written', async () => {
    await breaks('BUG');
    await taken;
    failed(new Error('No space left'));
    await new Promise((resolve) => setTimeout(resolve));
    await machine.settled(); // the log is complete
    const lines = machine.dmesg().records.map(({ text }) => text);
    expectLine(lines, 'supervisor: the core of lkdtm.1 is lost: No space left');
  });
});
