// A small load for looking at a machine at work: programs in threads of their own that read and write drivers. Whoever has
// started one ends it; a kernel or a driver that dies under it is no reason to stop.

import { Killed, MachineDied } from '../machine/shared/control.ts';
import type { ClientThread, Machine } from '../machine/shared/types.ts';
import { O_RDWR, O_WRONLY } from '../../kernel/abi/operation.ts';

/** What a load does, by its name. */
export const WORKLOADS = {
  mixed: 'programs that read zero, ramdisk and stacked, and one that writes to ramdisk',
  busy: 'one program that reads zero without a pause',
  faults: 'mixed, and twice a second a fault of lkdtm',
  idle: 'nothing',
} as const;
export type WorkloadName = keyof typeof WORKLOADS;

/** The modules that a load uses, in the order in which they are loaded. */
export const WORKLOAD_MODULES = ['null', 'zero', 'ramdisk', 'base', 'stacked', 'lkdtm'] as const;

/** Paths that are read, each by a thread of its own, and the ms from one read to the next; 0: without a pause. */
const READERS: Record<WorkloadName, readonly [path: string, periodMs: number][]> = {
  mixed: [
    ['/dev/zero', 1],
    ['/dev/ramdisk', 2],
    ['/dev/stacked', 5],
  ],
  busy: [['/dev/zero', 0]],
  faults: [
    ['/dev/zero', 1],
    ['/dev/ramdisk', 2],
    ['/dev/stacked', 5],
  ],
  idle: [],
};
const WRITE_MS = 5;
const WRITE_BYTES = 512;
const FAULT_MS = 500;

export class Workload {
  private readonly readers: ClientThread[] = [];
  private readonly loops: Promise<void>[] = [];
  private readonly machine: Machine;
  private ended = false;
  private wake: () => void = () => {};
  private readonly ending = new Promise<void>((resolve) => (this.wake = resolve));

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async start(machine: Machine, name: WorkloadName): Promise<Workload> {
    const load = new Workload(machine);
    for (const [path, periodMs] of READERS[name]) {
      const reader = await machine.attach();
      load.readers.push(reader);
      await reader.startReading(path, periodMs);
    }
    if (name === 'mixed' || name === 'faults') {
      const writer = await machine.attach();
      load.readers.push(writer);
      load.loops.push(load.every(WRITE_MS, () => write(writer, '/dev/ramdisk', new Uint8Array(WRITE_BYTES))));
    }
    if (name === 'faults') {
      const fault = new TextEncoder().encode('BUG');
      load.loops.push(load.every(FAULT_MS, () => write(machine.console, '/dev/lkdtm', fault)));
    }
    return load;
  }

  private async every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.ended) {
      try {
        await work();
      } catch (error) {
        // What a fault does to its caller in the monolith, and to everybody where the kernel dies.
        if (!(error instanceof Killed) && !(error instanceof MachineDied)) throw error;
        if (this.machine.status().state === 'off') return;
      }
      let timer: unknown;
      const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
      await Promise.race([passed, this.ending]);
      clearTimeout(timer);
    }
  }

  /** Stops it; its threads end with the machine, or here. */
  async end(): Promise<void> {
    this.ended = true;
    this.wake();
    await Promise.all(this.loops);
    await Promise.all(this.readers.map((reader) => reader.end().catch(() => undefined)));
  }
}

/** Opens, writes and closes; what the driver answers is no affair of the load's. */
async function write(
  client: Pick<ClientThread, 'open' | 'write' | 'close'>,
  path: string,
  bytes: Uint8Array,
) {
  const fd = await client.open(path, path === '/dev/ramdisk' ? O_RDWR : O_WRONLY);
  if (fd < 0) return;
  await client.write(fd, bytes);
  await client.close(fd);
}
